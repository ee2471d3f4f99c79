import { type CountryCode, parsePhoneNumberFromString } from 'libphonenumber-js/max';

/**
 * Reads what a URI user says as a number (RFC 3966 §5.1): visual separators - . ( ) and spaces go, parameters end it,
 * a `phone-context` of digits completes a local number. The result is E.164 with +.
 */

const PLUS = 43;
const ZERO = 48;
const NINE = 57;
const SEMICOLON = 59;

export type Reading =
  | { readonly kind: 'e164'; readonly number: string }
  /** Digits (or * #) without +: a short code, or a national number that nobody allows. */
  | { readonly kind: 'local'; readonly digits: string }
  | { readonly kind: 'invalid' };

const INVALID: Reading = { kind: 'invalid' };

/**
 * @param user unescaped URI user, possibly with `;` parameters
 * @param nationalCountry numbers without + are read as national numbers of this country
 */
export function readNumber(user: string, nationalCountry?: string): Reading {
  if (isPlainE164(user)) return { kind: 'e164', number: user };
  const compact = withoutSeparators(user);
  if (compact === undefined) return INVALID;
  if (compact.charCodeAt(0) === PLUS) return isPlainE164(compact) ? { kind: 'e164', number: compact } : INVALID;
  const context = /;phone-context=(\+[\d.()-]+)/i.exec(user)?.[1];
  const inContext = context === undefined ? undefined : withoutSeparators(context + compact);
  if (inContext !== undefined && isPlainE164(inContext)) return { kind: 'e164', number: inContext };
  const national = nationalCountry === undefined ? undefined : readNational(compact, nationalCountry);
  return national === undefined ? { kind: 'local', digits: compact } : { kind: 'e164', number: national };
}

/** + and 2 to 15 digits, the first not 0. */
export function isPlainE164(text: string): boolean {
  const { length } = text;
  if (length < 3 || length > 16 || text.charCodeAt(0) !== PLUS || text.charCodeAt(1) === ZERO) return false;
  for (let at = 1; at < length; at++) {
    const code = text.charCodeAt(at);
    if (code < ZERO || code > NINE) return false;
  }
  return true;
}

/** The digits (and a leading +, * and #) of a user; undefined where anything else is in it, or nothing. */
function withoutSeparators(user: string): string | undefined {
  let digits = '';
  for (let at = 0; at < user.length; at++) {
    const code = user.charCodeAt(at);
    if (code === SEMICOLON) break;
    if ((code >= ZERO && code <= NINE) || code === 42 || code === 35 || (code === PLUS && digits === ''))
      digits += user[at];
    else if (code !== 45 && code !== 46 && code !== 40 && code !== 41 && code !== 32) return undefined;
    if (digits.length > 32) return undefined;
  }
  return digits === '' || digits === '+' ? undefined : digits;
}

/** A national number, also behind the country's international prefix; undefined where it cannot be one. */
function readNational(digits: string, country: string): string | undefined {
  const parsed = parsePhoneNumberFromString(digits, country as CountryCode);
  return parsed?.isPossible() && isPlainE164(parsed.number) ? parsed.number : undefined;
}

/** Text from the wire, fit for a reason phrase or a trace: printable ASCII, at most 32 characters. */
export function printable(text: string): string {
  const clean = /^[\x20-\x7e]*$/.test(text) ? text : text.replace(/[^\x20-\x7e]/g, '?');
  return clean.length > 32 ? `${clean.slice(0, 31)}~` : clean;
}
