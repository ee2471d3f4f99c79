import { z } from 'zod';
import { carrierSchema } from './carriers.js';
import { groupSchema, phoneNumberSchema, voiceConnectorSchema } from './connectors.js';
import { mediaSchema } from './media.js';
import {
  apiSchema,
  emergencySettingsSchema,
  fraudSchema,
  limitsSchema,
  logsSchema,
  metricsSchema,
  numbersSchema,
  recordsSchema,
  storeSchema,
} from './operations.js';
import { integer, isHostName, matching, parsed, text } from './scalars.js';
import { sipSchema } from './sip.js';

/** The whole file: gateway.yaml. Every key is optional; a key that is not here is a fault. */
export const gatewaySchema = z.strictObject({
  account: matching(/^\d{12}$/, '12 digits in quotes, such as "111122223333"')
    .default('111122223333')
    .describe('account number in records and ARNs'),
  region: matching(/^[a-z0-9-]{1,32}$/, 'lower-case letters, digits and “-”, such as local-1')
    .default('local-1')
    .describe('region name in records and metrics'),
  domain: parsed(
    (value) => (isHostName(value) ? value.toLowerCase() : undefined),
    'a domain name, such as voiceconnector.example.com',
  )
    .prefault('voiceconnector.localhost')
    .describe('outbound host names are <voiceConnectorId>.<domain>'),
  dataDir: text(1, 4096).default('./data').describe('directory for everything the node writes'),
  drainSeconds: integer(0, 86400).default(300).describe('how long running calls may go on at shutdown'),
  sip: sipSchema.prefault({}).describe('signaling'),
  media: mediaSchema.prefault({}).describe('media'),
  store: storeSchema
    .optional()
    .describe('resources: sqlite:<file> or postgres://…; absent: sqlite:<dataDir>/trunkline.db'),
  records: recordsSchema
    .optional()
    .describe(
      'call detail records: file:<directory>, s3://<bucket>/<prefix>, or a map; absent: file:<dataDir>/records',
    ),
  logs: logsSchema.prefault({}).describe('logs'),
  metrics: metricsSchema.prefault({}).describe('metrics'),
  api: apiSchema.prefault({}).describe('management API'),
  limits: limitsSchema.prefault({}).describe('limits of every call'),
  numbers: numbersSchema.prefault({}).describe('reading of numbers'),
  emergency: emergencySettingsSchema.prefault({}).describe('emergency codes'),
  fraud: fraudSchema.prefault({}).describe('fraud brakes'),
  carriers: z.array(carrierSchema).default([]).describe('carriers'),
  voiceConnectors: z.array(voiceConnectorSchema).default([]).describe('declared Voice Connectors'),
  voiceConnectorGroups: z.array(groupSchema).default([]).describe('declared groups'),
  phoneNumbers: z.array(phoneNumberSchema).default([]).describe('declared phone numbers'),
});

/** What the schema yields, before defaults that depend on other keys are filled in. */
export type ParsedGateway = z.output<typeof gatewaySchema>;
