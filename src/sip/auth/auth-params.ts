import { splitCommas, unquote } from '../message/index.js';

/** One challenge or credentials value: `Digest name=value, name="value", …` (RFC 3261 §20.7, §20.44, §25.1). */
export interface AuthParams {
  /** Lower case. */
  readonly scheme: string;
  /** By lower-case name, quotes and escapes resolved. */
  readonly values: ReadonlyMap<string, string>;
}

/** Reads one header field value; undefined when it is malformed. A parameter that repeats makes it malformed. */
export function parseAuthParams(value: string): AuthParams | undefined {
  const text = value.trim();
  const blank = text.search(/\s/);
  if (blank < 0) return undefined;
  const values = new Map<string, string>();
  for (const element of splitCommas(text.slice(blank + 1))) {
    if (element === '') continue;
    const equals = element.indexOf('=');
    if (equals < 1) return undefined;
    const name = element.slice(0, equals).trim().toLowerCase();
    if (values.has(name)) return undefined;
    values.set(name, unquote(element.slice(equals + 1).trim()));
  }
  return { scheme: text.slice(0, blank).toLowerCase(), values };
}
