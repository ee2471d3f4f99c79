import { z } from 'zod';
import { httpListenerOrOff } from './listeners.js';
import { country, flag, integer, matching, oneOf, real, secret, text } from './scalars.js';

/** Sections about running the node: store, records, logs, metrics, API, limits, numbers, emergency, fraud. */

/** Where records go. */
export type RecordsConfig =
  | { readonly kind: 'file'; readonly directory: string }
  | {
      readonly kind: 's3';
      readonly bucket: string;
      /** Without slashes at its ends; may be empty. */
      readonly prefix: string;
      readonly endpoint: string | undefined;
      readonly region: string | undefined;
      readonly accessKeyId: string | undefined;
      readonly secretAccessKey: string | undefined;
    };

export type StoreConfig =
  | { readonly kind: 'sqlite'; readonly path: string }
  | { readonly kind: 'postgres'; readonly url: string };

const recordsObject = z.strictObject({
  url: text(1, 4096).describe('file:<directory> or s3://<bucket>/<prefix>'),
  endpoint: matching(/^https?:\/\/\S+$/, 'an http:// or https:// URL')
    .optional()
    .describe('S3 endpoint'),
  region: text(1, 64).optional().describe('S3 region'),
  accessKeyId: text(1, 256).optional().describe('S3 access key'),
  secretAccessKey: secret().optional().describe('S3 secret key'),
});

const RECORDS_EXPECTATION =
  'must be file:<directory>, s3://<bucket>/<prefix>, or { url, endpoint, region, accessKeyId, secretAccessKey }';

export const recordsSchema = z
  .preprocess((value) => (typeof value === 'string' ? { url: value } : value), recordsObject)
  .transform((value, context): RecordsConfig => {
    const directory = /^file:(?:\/\/(?=\/))?(.+)$/.exec(value.url)?.[1];
    if (directory !== undefined) return { kind: 'file', directory };
    const s3 = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,62})(?:\/(.*))?$/.exec(value.url);
    if (s3) return s3Records(s3[1]!, s3[2] ?? '', value);
    context.addIssue({ code: 'custom', message: RECORDS_EXPECTATION });
    return z.NEVER;
  });

function s3Records(bucket: string, prefix: string, value: z.output<typeof recordsObject>): RecordsConfig {
  const { endpoint, region, accessKeyId, secretAccessKey } = value;
  return {
    kind: 's3',
    bucket,
    prefix: prefix.replace(/^\/+|\/+$/g, ''),
    endpoint,
    region,
    accessKeyId,
    secretAccessKey,
  };
}

export const storeSchema = z
  .string({ error: 'must be sqlite:<file> or postgres://…' })
  .transform((value, context): StoreConfig => {
    if (/^sqlite:.+/.test(value)) return { kind: 'sqlite', path: value.slice('sqlite:'.length) };
    if (/^postgres(ql)?:\/\/.+/.test(value)) return { kind: 'postgres', url: value };
    context.addIssue({ code: 'custom', message: 'must be sqlite:<file> or postgres://…' });
    return z.NEVER;
  });

export const logsSchema = z.strictObject({
  level: oneOf(['debug', 'info', 'warn', 'error'])
    .default('info')
    .describe('least severe line written to standard output'),
  directory: text(1, 4096).optional().describe('SIP message and media logs; absent: <dataDir>/logs'),
});

export const metricsSchema = z.strictObject({
  listen: httpListenerOrOff().prefault('http://127.0.0.1:9090').describe('Prometheus endpoint, or off'),
});

const accessKeySchema = z.strictObject({
  id: matching(/^\w{1,128}$/, '1 to 128 letters, digits and “_”').describe('access key id'),
  secret: secret().describe('secret access key'),
  role: oneOf(['admin', 'readonly']).default('admin').describe('what it may do'),
});

export const apiSchema = z.strictObject({
  listen: httpListenerOrOff().prefault('http://127.0.0.1:8080').describe('management API, or off'),
  certificate: text(1, 4096).optional().describe('PEM file, needed by https://'),
  key: text(1, 4096).optional().describe('PEM file, needed by https://'),
  accessKeys: z.array(accessKeySchema).default([]).describe('who may call the API; none: every call is refused'),
});

export const limitsSchema = z.strictObject({
  maxCallSeconds: integer(60, 604800).default(43200).describe('longest call'),
  ringTimeoutSeconds: integer(1, 600).default(60).describe('ring limit of an attempt; then 480'),
  maxAttempts: integer(1, 50).default(10).describe('targets tried for one call'),
  maxCallsPerConnector: integer(1, 1000000)
    .default(1000)
    .describe('calls at once of a connector that sets no own limit'),
});

export const numbersSchema = z.strictObject({
  defaultCountry: country().optional().describe('country of national numbers that carriers send'),
});

const dialCode = () => matching(/^[0-9]{2,6}$/, 'a short code in quotes, such as "911"');

export const emergencySettingsSchema = z.strictObject({
  numbers: z.array(dialCode()).default(['911']).describe('dialled codes that are emergency calls'),
  testNumbers: z.array(dialCode()).default(['933']).describe('dialled codes that are emergency test calls'),
});

/**
 * Ranges that telephone fraud favours: satellite and global networks, premium and personal numbers, and small
 * destinations whose termination rates invite artificial traffic.
 */
export const HIGH_RISK_PREFIXES: readonly string[] = [
  '+870',
  '+878',
  '+881',
  '+882',
  '+883',
  '+888',
  '+979',
  '+1900',
  '+1976',
  '+44870',
  '+44871',
  '+449',
  '+4470',
  '+222',
  '+224',
  '+232',
  '+235',
  '+236',
  '+239',
  '+240',
  '+247',
  '+252',
  '+257',
  '+269',
  '+290',
  '+291',
  '+371900',
  '+3739',
  '+500',
  '+53',
  '+674',
  '+675',
  '+677',
  '+678',
  '+681',
  '+682',
  '+683',
  '+685',
  '+686',
  '+687',
  '+688',
  '+690',
  '+691',
  '+692',
  '+850',
];

const hourlyCaps = z
  .strictObject({
    attempts: integer(1, 10000000).default(50000).describe('calls begun per destination country and hour'),
    minutes: integer(1, 10000000).default(60000).describe('minutes talked per destination country and hour'),
    concurrentCalls: integer(1, 1000000).default(1000).describe('calls at once per destination country'),
  })
  .describe('caps of each connector per destination country');

export const fraudSchema = z.strictObject({
  enabled: flag().default(true).describe('use these brakes'),
  highRiskPrefixes: z
    .array(matching(/^\+[1-9]\d{0,14}$/, 'an E.164 prefix in quotes, such as "+882"'))
    .default([...HIGH_RISK_PREFIXES])
    .describe('not callable unless a connector allows them'),
  perCountry: hourlyCaps.prefault({}),
  alarmFraction: real(0.1, 1).default(0.8).describe('part of a cap at which an alarm is raised'),
  hold: flag().default(true).describe('a cap that is reached holds the connector for that country until released'),
});
