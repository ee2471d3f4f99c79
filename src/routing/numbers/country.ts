import { Metadata } from 'libphonenumber-js/core';
import { parsePhoneNumberFromString } from 'libphonenumber-js/max';
import metadata from 'libphonenumber-js/metadata.max';

/**
 * The country of an E.164 number, as libphonenumber tells it, fast enough for every call.
 *
 *     +44 7911 123456     calling code (1 to 3 digits, prefix-free) ─► one country: done
 *                                                                   └► shared (+1, +7, +44, …): the plans of its
 *                                                                      countries in libphonenumber's order
 *
 * The library compiles its patterns anew for each number; here each is compiled once. Where a shared code leaves the
 * answer to rules that are not copied here (a national prefix after the code, a number of no plan), the library itself
 * is asked, so that both always agree; a test holds them together.
 */

interface SharedPlan {
  readonly country: string;
  readonly matches: (nationalNumber: string) => boolean;
}

interface CallingCode {
  readonly digits: number;
  /** The only country of the code. */
  readonly country?: string;
  readonly shared: readonly SharedPlan[];
  /** National prefix, after which the library may read the number differently. */
  readonly nationalPrefix?: RegExp;
}

/** The parts of a numbering plan that the country test reads. */
interface Plan {
  leadingDigits(): string | undefined;
  nationalNumberPattern(): string;
  nationalPrefixForParsing(): string | undefined;
  type(name: string): { pattern(): string; possibleLengths(): number[] | undefined } | undefined;
}

const TYPES = [
  'FIXED_LINE',
  'MOBILE',
  'PREMIUM_RATE',
  'TOLL_FREE',
  'SHARED_COST',
  'VOIP',
  'PERSONAL_NUMBER',
  'PAGER',
  'UAN',
  'VOICEMAIL',
];

const reader = new Metadata(metadata);

function planOf(countryOrCode: string): Plan {
  reader.selectNumberingPlan(countryOrCode as never);
  return reader.numberingPlan as unknown as Plan;
}

const whole = (pattern: string): RegExp => new RegExp(`^(?:${pattern})$`);

function sharedPlan(country: string): SharedPlan {
  const plan = planOf(country);
  const leading = plan.leadingDigits();
  if (leading) {
    const pattern = new RegExp(`^(?:${leading})`);
    return { country, matches: (number) => pattern.test(number) };
  }
  const general = whole(plan.nationalNumberPattern());
  const types = TYPES.map((name) => plan.type(name)).filter((type) => type?.pattern());
  const patterns = types.map((type) => ({ pattern: whole(type!.pattern()), lengths: type!.possibleLengths() }));
  const ofAnyType = (number: string): boolean =>
    patterns.some(({ pattern, lengths }) => (!lengths || lengths.includes(number.length)) && pattern.test(number));
  return { country, matches: (number) => general.test(number) && ofAnyType(number) };
}

/** Indexed by the calling code as a number: prefix-free, so 1, 2 and 3 digits never clash. */
const codes: (CallingCode | undefined)[] = [];

for (const [code, countries] of Object.entries(metadata.country_calling_codes)) {
  const [only] = countries;
  const prefix = countries.length > 1 ? planOf(code).nationalPrefixForParsing() : undefined;
  codes[Number(code)] = {
    digits: code.length,
    ...(countries.length === 1 && only ? { country: only } : {}),
    shared: countries.length > 1 ? countries.map(sharedPlan) : [],
    ...(prefix ? { nationalPrefix: new RegExp(`^(?:${prefix})`) } : {}),
  };
}

/** Calling code at the start of an E.164 number, if it is one. */
function callingCodeOf(e164: string): CallingCode | undefined {
  let value = 0;
  for (let digits = 1; digits <= 3 && digits < e164.length; digits++) {
    value = value * 10 + e164.charCodeAt(digits) - 48;
    const code = codes[value];
    if (code?.digits === digits) return code;
  }
  return undefined;
}

/**
 * Country (ISO 3166-1 alpha-2) of an E.164 number.
 * @param e164 with its leading +, digits only
 * @returns undefined for a number of no country: unknown or non-geographic code, or a shared code and no plan's number
 */
export function countryOf(e164: string): string | undefined {
  const code = callingCodeOf(e164);
  const length = code ? e164.length - 1 - code.digits : 0;
  if (!code || length < 2 || length > 17) return undefined;
  if (code.country !== undefined) return code.country;
  const national = e164.slice(1 + code.digits);
  if (!code.nationalPrefix?.test(national)) {
    for (const plan of code.shared) if (plan.matches(national)) return plan.country;
  }
  return parsePhoneNumberFromString(e164)?.country;
}

/** Digits of the country calling code (`44`), undefined where the number begins with none. */
export function callingCodeDigits(e164: string): string | undefined {
  const code = callingCodeOf(e164);
  return code && e164.slice(1, 1 + code.digits);
}
