import type { UriParams } from './uri-params.js';

/** Parts of URI equivalence, RFC 3261 §19.1.4. */

/** An escape of an unreserved character equals the character; other escapes differ from what they stand for. */
function canonical(text: string): string {
  return text.replace(/%[0-9A-Fa-f]{2}/g, (hex) => {
    const character = String.fromCharCode(Number.parseInt(hex.slice(1), 16));
    return /[A-Za-z0-9\-_.!~*'()]/.test(character) ? character : hex.toUpperCase();
  });
}

/** Users and passwords: case counts, escapes of unreserved characters do not. */
export function equalUriText(a: string | undefined, b: string | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return a === b || canonical(a) === canonical(b);
}

/** Present in one URI only, these make it differ; `transport` follows the examples of §19.1.4. */
const NEVER_IGNORED = ['user', 'ttl', 'method', 'maddr', 'transport'];

/** Parameters that both have must match; those only one has are ignored but for NEVER_IGNORED. */
export function equalUriParams(a: UriParams, b: UriParams): boolean {
  for (const name of NEVER_IGNORED) if (a.has(name) !== b.has(name)) return false;
  for (const [name, value] of a.entries()) {
    const other = b.get(name);
    if (other !== undefined && other.toLowerCase() !== value.toLowerCase()) return false;
  }
  return true;
}

/** Header components match in any order. */
export function equalHeaders(a: string | undefined, b: string | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return normalized(a) === normalized(b);
}

function normalized(headers: string): string {
  const fields = headers.split('&').map((field) => {
    const equals = field.indexOf('=');
    const name = equals < 0 ? field : field.slice(0, equals);
    return `${canonical(name).toLowerCase()}=${equals < 0 ? '' : canonical(field.slice(equals + 1))}`;
  });
  return fields.sort().join('&');
}
