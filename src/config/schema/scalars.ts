import { BlockList, isIP } from 'node:net';
import { isSupportedCountry } from 'libphonenumber-js/max';
import { z } from 'zod';

/**
 * The small words of the configuration: numbers with a range, addresses, phone numbers, secrets. Each tells in one
 * sentence what it allows, because that sentence is what the operator reads when a value is wrong.
 */

/** A whole number from `low` to `high`, both included. */
export function integer(low: number, high: number): z.ZodNumber {
  const error = `must be a whole number from ${low} to ${high}`;
  return z.number({ error }).int({ error }).min(low, { error }).max(high, { error });
}

/** A number from `low` to `high`, both included. */
export function real(low: number, high: number): z.ZodNumber {
  const error = `must be a number from ${low} to ${high}`;
  return z.number({ error }).min(low, { error }).max(high, { error });
}

export const flag = (): z.ZodBoolean => z.boolean({ error: 'must be true or false' });

/** Text of `low` to `high` characters. */
export function text(low = 1, high = 256): z.ZodString {
  const error = `must be text of ${low} to ${high} characters (in quotes where it looks like a number)`;
  return z.string({ error }).min(low, { error }).max(high, { error });
}

/** Text that matches `pattern`; `expectation` finishes the sentence "must be …". */
export function matching(pattern: RegExp, expectation: string): z.ZodString {
  const error = `must be ${expectation}`;
  return z.string({ error }).regex(pattern, { error });
}

/** One of a few words. */
export function oneOf<const Words extends readonly [string, ...string[]]>(words: Words) {
  return z.enum(words, { error: `must be one of ${words.join(', ')}` });
}

/** Text read by `parse`, which gives undefined for what it does not understand. */
export function parsed<Value>(parse: (text: string) => Value | undefined, expectation: string) {
  const message = `must be ${expectation}`;
  return z.string({ error: message }).transform((input, context): Value => {
    const value = parse(input.trim());
    if (value !== undefined) return value;
    context.addIssue({ code: 'custom', message });
    return z.NEVER;
  });
}

/** A value that is never printed: `redactConfig` hides it. May come from `${ENV}`, `{ file: … }` or `secretFile`. */
export const secret = () =>
  z
    .string({ error: 'must be text, the placeholder of an environment variable, or { file: path }' })
    .min(1, { error: 'must not be empty' })
    .meta({ secret: true });

/** E.164 with a leading +, 2 to 15 digits. */
export const e164 = () => matching(/^\+[1-9]\d{1,14}$/, 'an E.164 number in quotes, such as "+12065550100"');

/** ISO 3166-1 alpha-2 code of a country with telephone numbers. */
export const country = () =>
  z
    .string({ error: 'must be a two-letter country code, such as US' })
    .refine((code) => isSupportedCountry(code), { error: 'must be a two-letter country code, such as US' });

/** One CIDR block (or bare address, which stands for itself). */
export const cidr = () => parsed(normalizeCidr, 'a CIDR block, such as 192.0.2.0/24 or 2001:db8::/32');

/** IP literal without brackets. */
export const ipAddress = () =>
  parsed((value) => (isIP(value) === 0 ? undefined : value), 'an IPv4 or IPv6 address, such as 203.0.113.10');

/** Host name or IP literal. */
export const host = () =>
  parsed(
    (value) => (isIP(value) !== 0 || isHostName(value) ? value.toLowerCase() : undefined),
    'a host name or IP address, such as sip.example.com or 192.0.2.1',
  );

export const port = () => integer(1, 65535);

/** SIP status codes that a rule may name. */
export const finalStatus = () => integer(300, 699);

export function isHostName(value: string): boolean {
  return value.length <= 253 && value.split('.').every((label) => /^[a-z0-9_]([a-z0-9-]{0,61}[a-z0-9])?$/i.test(label));
}

function normalizeCidr(value: string): string | undefined {
  const [address, prefix, more] = value.split('/');
  const family = isIP(address ?? '');
  if (!address || family === 0 || more !== undefined) return undefined;
  const widest = family === 4 ? 32 : 128;
  if (prefix === undefined) return `${address}/${widest}`;
  if (!/^\d{1,3}$/.test(prefix) || Number(prefix) > widest) return undefined;
  return `${address}/${Number(prefix)}`;
}

/** A BlockList of CIDR blocks as `cidr()` gives them. */
export function blockListOf(blocks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const block of blocks) {
    const slash = block.indexOf('/');
    const address = block.slice(0, slash);
    list.addSubnet(address, Number(block.slice(slash + 1)), isIP(address) === 6 ? 'ipv6' : 'ipv4');
  }
  return list;
}
