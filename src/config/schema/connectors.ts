import { z } from 'zod';
import { credentialsSchema, failoverSchema } from './carriers.js';
import { cidr, country, e164, flag, host, integer, matching, oneOf, port, text } from './scalars.js';

/** Sections `voiceConnectors`, `voiceConnectorGroups`, `phoneNumbers`: the declared resources. */

const NAME = /^[a-zA-Z0-9 _.-]{1,256}$/;
const name = () => matching(NAME, 'a name of 1 to 256 letters, digits, spaces, “_”, “.” or “-”');

export const connectorId = () => matching(/^[a-z0-9]{22}$/, '22 lower-case letters and digits');

const terminationSchema = z.strictObject({
  cidrAllowedList: z
    .array(cidr())
    .default([])
    .describe('sources that may place calls; empty admits none unless credentials are set'),
  callingRegions: z.array(country()).default([]).describe('countries that may be called; empty allows none'),
  cpsLimit: integer(1, 10000).default(1).describe('calls per second; burst is one second'),
  maxCalls: integer(1, 1000000).optional().describe('calls at once; absent: limits.maxCallsPerConnector'),
  defaultPhoneNumber: e164().optional().describe('caller ID in place of one that is not assigned to this connector'),
  disabled: flag().default(false).describe('refuse outbound calls'),
  credentials: z
    .array(credentialsSchema)
    .default([])
    .describe('digest users; where any is set, every call must authenticate'),
  nationalNumbersOf: country().optional().describe('numbers without + are read as national numbers of this country'),
  blockedPrefixes: z
    .array(matching(/^\+[1-9]\d{0,14}$/, 'an E.164 prefix in quotes, such as "+1900"'))
    .default([])
    .describe('numbers that may not be called, by prefix'),
  allowedHighRiskPrefixes: z
    .array(matching(/^\+[1-9]\d{0,14}$/, 'an E.164 prefix in quotes, such as "+88213"'))
    .default([])
    .describe('prefixes of fraud.highRiskPrefixes that this connector may call all the same'),
});

const routeSchema = z.strictObject({
  host: host().describe('host name or address'),
  port: port().default(5060).describe('port'),
  protocol: oneOf(['UDP', 'TCP'])
    .default('UDP')
    .describe('transport; an encrypted connector uses TLS whatever stands here'),
  priority: integer(1, 100).default(1).describe('lower is tried first'),
  weight: integer(1, 100).default(1).describe('share among routes of one priority'),
  ringTimeoutSeconds: integer(1, 600).optional().describe('ring limit; absent: limits.ringTimeoutSeconds'),
  failover: failoverSchema.prefault({}),
});

const originationSchema = z.strictObject({
  routes: z
    .array(routeSchema)
    .max(10, { error: 'must list at most 10 routes' })
    .default([])
    .describe('where inbound calls go'),
  disabled: flag().default(false).describe('refuse inbound calls'),
});

const loggingSchema = z
  .strictObject({
    enableSIPLogs: flag().default(false).describe('write the SIP message log'),
    enableMediaMetricLogs: flag().default(false).describe('write the media quality log'),
  })
  .describe('logs of this connector');

const streamingSchema = z.strictObject({
  dataRetentionInHours: integer(0, 87600).default(24).describe('how long streamed audio is kept'),
  disabled: flag().default(false).describe('do not stream'),
  notificationTargets: z
    .array(oneOf(['EventBridge', 'SNS', 'SQS']))
    .max(3, { error: 'must list at most 3 targets' })
    .default([])
    .describe('where streaming events go'),
});

const dnisSchema = z.strictObject({
  emergencyPhoneNumber: e164().describe('number that answers emergency calls'),
  testPhoneNumber: e164().optional().describe('number that answers test calls'),
  callingCountry: country().describe('country of the callers it serves'),
});

const emergencySchema = z.strictObject({
  dnis: z
    .array(dnisSchema)
    .min(1, { error: 'must list at least one entry' })
    .describe('emergency routing numbers by country'),
});

export const voiceConnectorSchema = z.strictObject({
  id: connectorId().optional().describe('id, the first label of its host name; absent: made from account and name'),
  name: name().describe('name'),
  requireEncryption: flag().default(false).describe('TLS and SRTP only'),
  termination: terminationSchema.optional().describe('outbound calls; absent: none'),
  origination: originationSchema.optional().describe('inbound calls; absent: none'),
  logging: loggingSchema.prefault({}),
  streaming: streamingSchema.optional().describe('audio streaming'),
  emergency: emergencySchema.optional().describe('emergency calling'),
  phoneNumbers: z.array(e164()).default([]).describe('numbers assigned to it'),
  mediaSources: z
    .array(cidr())
    .default([])
    .describe('bounds where its media may come from; empty: anywhere, the SDP’s address first'),
  tags: z.record(text(1, 128), text(0, 256)).default({}).describe('tags'),
});

export const groupSchema = z.strictObject({
  name: name().describe('name, unique'),
  items: z
    .array(
      z.strictObject({
        voiceConnectorId: text(1, 256).describe('id or name of a connector of this file'),
        priority: integer(1, 99).default(1).describe('lower is tried first'),
      }),
    )
    .min(1, { error: 'must list at least one connector' })
    .describe('member connectors'),
  callDistributionType: oneOf(['PriorityWeightedDistribution', 'LoadBalancedDistribution'])
    .default('PriorityWeightedDistribution')
    .describe('LoadBalanced shuffles the connectors of one priority anew for each call'),
  phoneNumbers: z.array(e164()).default([]).describe('numbers assigned to the group'),
});

export const phoneNumberSchema = z.strictObject({
  e164: e164().describe('the number'),
  productType: oneOf(['VoiceConnector']).default('VoiceConnector').describe('what it is for'),
  callingName: matching(/^$|^[a-zA-Z0-9 ]{2,15}$/, '2 to 15 letters, digits and spaces')
    .optional()
    .describe('CNAM'),
  name: text(0, 256).optional().describe('name for the operator'),
});
