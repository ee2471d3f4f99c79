import { z } from 'zod';
import {
  cidr,
  country,
  finalStatus,
  flag,
  host,
  integer,
  matching,
  oneOf,
  parsed,
  port,
  secret,
  text,
} from './scalars.js';

/** Section `carriers`: where outbound calls go and inbound calls come from. */

/** How a number is written on the wire: `e164`, `e164-without-plus`, `national:US`. */
export type NumberFormat =
  | { readonly kind: 'e164' }
  | { readonly kind: 'e164-without-plus' }
  | { readonly kind: 'national'; readonly country: string };

function parseNumberFormat(value: string): NumberFormat | undefined {
  if (value === 'e164' || value === 'e164-without-plus') return { kind: value };
  const named = /^national:([A-Z]{2})$/.exec(value)?.[1];
  return named !== undefined && country().safeParse(named).success ? { kind: 'national', country: named } : undefined;
}

export const credentialsSchema = z.strictObject({
  username: text(1, 128).describe('digest user name'),
  password: secret().describe('digest password'),
});

export const failoverSchema = z
  .strictObject({
    statuses: z
      .array(finalStatus())
      .optional()
      .describe('final statuses that move on to the next attempt; absent: 408 and 5xx except 501 and 505'),
    afterRinging: flag().default(false).describe('move on even after 180 or 183 has reached the caller'),
  })
  .describe('when the next attempt may follow');

const hostSchema = z.strictObject({
  host: host().describe('host name or address'),
  port: port().optional().describe('port; absent: by DNS (RFC 3263), else 5060 or 5061'),
  protocol: oneOf(['UDP', 'TCP', 'TLS']).default('UDP').describe('transport'),
  priority: integer(1, 100).default(1).describe('lower is tried first'),
  weight: integer(1, 100).default(1).describe('share among hosts of one priority'),
});

const HEADER_NAME = /^[A-Za-z0-9.!%*_+`'~-]+$/;

export const carrierSchema = z.strictObject({
  name: matching(/^[A-Za-z0-9_.-]{1,64}$/, 'a name of 1 to 64 letters, digits, “_”, “.” or “-”').describe(
    'name, unique',
  ),
  hosts: z
    .array(hostSchema)
    .min(1, { error: 'must list at least one host' })
    .max(20, { error: 'must list at most 20 hosts' })
    .describe('where calls are sent'),
  prefixes: z
    .array(matching(/^(\+[0-9]{0,15}|[0-9*#]{1,15})$/, 'a number prefix in quotes, such as "+", "+44" or "911"'))
    .default(['+'])
    .describe('numbers it serves: longest match wins among carriers, then priority, then weight'),
  priority: integer(1, 100).default(1).describe('lower is tried first'),
  weight: integer(1, 100).default(1).describe('share among carriers of one priority'),
  sources: z.array(cidr()).default([]).describe('inbound calls are recognised by these source blocks'),
  mediaSources: z
    .array(cidr())
    .default([])
    .describe('bounds where its media may come from; empty: anywhere, the SDP’s address first'),
  tlsNames: z.array(text(1, 253)).default([]).describe('… or by a verified TLS certificate with one of these names'),
  credentials: credentialsSchema.optional().describe('answers 401 and 407 of the carrier'),
  realm: text(1, 255).optional().describe('digest realm the credentials are for; absent: any realm of its hosts'),
  registration: flag().default(false).describe('REGISTER with the carrier; needs credentials'),
  registrationSeconds: integer(60, 86400).default(3600).describe('Expires of the registration'),
  numberFormat: parsed(parseNumberFormat, 'e164, e164-without-plus or national:<country>, such as national:US')
    .prefault('e164')
    .describe('how numbers are written to this carrier'),
  callerIdIn: z
    .array(oneOf(['From', 'P-Asserted-Identity']))
    .default(['From', 'P-Asserted-Identity'])
    .describe('headers that present the caller; an empty list presents none (anonymous)'),
  encryption: oneOf(['off', 'offered', 'required']).default('off').describe('SRTP towards this carrier'),
  callsPerSecond: integer(1, 10000).default(50).describe('new calls per second'),
  maxCalls: integer(1, 1000000).default(1000).describe('calls at once'),
  ringTimeoutSeconds: integer(1, 600).optional().describe('ring limit; absent: limits.ringTimeoutSeconds'),
  failover: failoverSchema.prefault({}),
  addHeaders: z
    .record(matching(HEADER_NAME, 'a header name'), text(0, 1024))
    .default({})
    .describe('header fields added to INVITEs'),
  removeHeaders: z
    .array(matching(/^[A-Za-z0-9.!%*_+`'~-]+$/, 'a header name, or one that ends in * for all that begin so'))
    .default([])
    .describe('header fields not passed to this carrier'),
  disabled: flag().default(false).describe('take it out of service'),
});
