import { Metadata } from 'libphonenumber-js/core';
import { parsePhoneNumberFromString } from 'libphonenumber-js/max';
import metadata from 'libphonenumber-js/metadata.max';
import { DigitAutomaton } from './digit-automaton.js';

/**
 * The country of an E.164 number, as libphonenumber tells it, fast enough for every call.
 *
 *     +44 7911 123456     calling code (1 to 3 digits, prefix-free) ─► one country: done
 *                                                                   └► shared (+1, +7, +44, …): the plans of its
 *                                                                      countries in libphonenumber's order
 *
 * The library compiles its patterns anew for each number and tries one after another; here all patterns of a shared code
 * are one automaton. Where a shared code leaves the answer to rules that are not copied here (a national prefix after
 * the code, a number of no plan), the library itself is asked, so that both always agree; a test holds them together.
 */

interface CallingCode {
  readonly digits: number;
  /** The only country of the code. */
  readonly country?: string;
  readonly shared: SharedPlans | undefined;
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

/**
 * What one pattern of a shared code says of the numbers it matches. Behind a national prefix the library may read the
 * number differently; leading digits alone tell the country; else the general pattern and one of a type, of a possible
 * length, tell it together.
 */
interface Rule {
  readonly pattern: string;
  readonly prefix?: boolean;
  readonly says:
    | { readonly kind: 'national-prefix' }
    | { readonly kind: 'leading'; readonly plan: number }
    | { readonly kind: 'general'; readonly plan: number }
    | { readonly kind: 'type'; readonly plan: number; readonly lengths: readonly number[] | undefined };
}

/** The plans of the countries that share a code, in the library's order. */
class SharedPlans {
  readonly #countries: readonly string[];
  readonly #nationalPrefix: string | undefined;
  #compiled: { readonly rules: readonly Rule[]; readonly automaton: DigitAutomaton } | undefined;
  /** Outcomes by matched labels, of which the automaton gives the same set each time, then by length. */
  readonly #outcomes = new Map<ReadonlySet<number>, (string | null | undefined)[]>();

  constructor(countries: readonly string[], nationalPrefix: string | undefined) {
    this.#countries = countries;
    this.#nationalPrefix = nationalPrefix;
  }

  /** Country of the national number that begins at `from`; null where the library must be asked. */
  countryOf(e164: string, from: number): string | null {
    this.#compiled ??= this.#compile();
    const labels = this.#compiled.automaton.match(e164, from);
    const length = e164.length - from;
    const known = this.#outcomes.get(labels)?.[length];
    return known === undefined ? this.#firstOutcome(labels, length) : known;
  }

  #firstOutcome(labels: ReadonlySet<number>, length: number): string | null {
    const said = [...labels].map((label) => this.#compiled!.rules[label]!.says);
    const plan = planSaid(said, length);
    const country = plan === undefined ? null : this.#countries[plan]!;
    const byLength = this.#outcomes.get(labels) ?? [];
    byLength[length] = country;
    this.#outcomes.set(labels, byLength);
    return country;
  }

  /** At the first number of the code: starting up does not wait for it. */
  #compile() {
    const prefix = this.#nationalPrefix?.replaceAll('(', '(?:');
    const rules: Rule[] = prefix ? [{ pattern: prefix, prefix: true, says: { kind: 'national-prefix' } }] : [];
    for (const [plan, country] of this.#countries.entries()) rules.push(...rulesOf(planOf(country), plan));
    return { rules, automaton: new DigitAutomaton(rules) };
  }
}

function rulesOf(numbering: Plan, plan: number): Rule[] {
  const leading = numbering.leadingDigits();
  if (leading) return [{ pattern: leading, prefix: true, says: { kind: 'leading', plan } }];
  const types = TYPES.map((name) => numbering.type(name)).filter((type) => type?.pattern());
  return [
    { pattern: numbering.nationalNumberPattern(), says: { kind: 'general', plan } },
    ...types.map((type) => ({
      pattern: type!.pattern(),
      says: { kind: 'type' as const, plan, lengths: type!.possibleLengths() },
    })),
  ];
}

/** Index of the first plan that the number is of. */
function planSaid(said: readonly Rule['says'][], length: number): number | undefined {
  const general = new Set<number>();
  const typed = new Set<number>();
  const found: number[] = [];
  for (const one of said) {
    if (one.kind === 'national-prefix') return undefined;
    if (one.kind === 'leading') found.push(one.plan);
    else if (one.kind === 'general') general.add(one.plan);
    else if (!one.lengths || one.lengths.includes(length)) typed.add(one.plan);
  }
  found.push(...[...general].filter((plan) => typed.has(plan)));
  return found.length === 0 ? undefined : Math.min(...found);
}

/** Indexed by the calling code as a number: prefix-free, so 1, 2 and 3 digits never clash. */
const codes: (CallingCode | undefined)[] = [];

for (const [code, countries] of Object.entries(metadata.country_calling_codes)) {
  const [only] = countries;
  // The library has 0 for none.
  const prefix = (countries.length > 1 && planOf(code).nationalPrefixForParsing()) || undefined;
  codes[Number(code)] = {
    digits: code.length,
    ...(countries.length === 1 && only ? { country: only } : {}),
    shared: countries.length > 1 ? new SharedPlans(countries, prefix) : undefined,
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
  return code.shared!.countryOf(e164, 1 + code.digits) ?? libraryCountry(e164);
}

const libraryCountry = (e164: string): string | undefined => parsePhoneNumberFromString(e164)?.country;

/** Digits of the country calling code (`44`), undefined where the number begins with none. */
export function callingCodeDigits(e164: string): string | undefined {
  const code = callingCodeOf(e164);
  return code && e164.slice(1, 1 + code.digits);
}
