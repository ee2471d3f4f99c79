import { type CountryCode, parsePhoneNumberFromString } from 'libphonenumber-js/max';
import type { NumberFormat } from '../../config/index.js';

/**
 * Writes an E.164 number as a carrier wants it. `national:US`: numbers of the country in its national form, others
 * behind its international prefix (011…). What is not E.164 (a short code, a word) is left as it is.
 */
export function formatNumber(number: string, format: NumberFormat): string {
  if (format.kind === 'e164' || number.charCodeAt(0) !== 43) return number;
  if (format.kind === 'e164-without-plus') return number.slice(1);
  const country = format.country as CountryCode;
  const parsed = parsePhoneNumberFromString(number, { defaultCountry: country });
  if (!parsed) return number.slice(1);
  const home = parsed.country === country;
  const text = home ? parsed.format('NATIONAL') : parsed.format('IDD', { fromCountry: country });
  const digits = (text ?? '').replace(/\D/g, '');
  return digits === '' ? number.slice(1) : digits;
}
