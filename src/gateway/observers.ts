import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { JsonLinesLog, MediaLog, MessageTrace, type Policy, SipMessageLog } from '../call/index.js';
import type { GatewayConfig } from '../config/index.js';
import { type Logger, systemScheduler } from '../core/index.js';
import { CallMetrics, createRegistry } from '../metrics/index.js';

export interface LogFiles {
  readonly media: JsonLinesLog;
  readonly sip: JsonLinesLog;
  readonly audit: JsonLinesLog;
}

export function openLogFiles({ logs }: GatewayConfig, logger: Logger): LogFiles {
  const open = (...folder: string[]) => new JsonLinesLog(join(logs.directory, ...folder), systemScheduler, logger);
  return { media: open('ChimeVoiceConnectorLogs'), sip: open('ChimeVoiceConnectorSipMessages'), audit: open() };
}

/** What listens to calls and messages beside the records: metrics, media log, SIP message log. */
export function buildObservers(config: GatewayConfig, policy: Policy, files: LogFiles) {
  const registry = createRegistry();
  const callMetrics = new CallMetrics(registry, config.region);
  const mediaLog = new MediaLog(
    {
      region: config.region,
      countryOf: (number) => policy.countryOf(number),
      enabled: (id) => policy.logging(id).enableMediaMetricLogs,
      endpointId: (address) => createHash('sha256').update(`${config.account}/${address}`).digest('hex').slice(0, 16),
    },
    files.media,
  );
  const trace = new MessageTrace(
    {
      onResponse: (id, status) => callMetrics.response(id, status),
      logs: (id) => policy.logging(id).enableSIPLogs,
      log: new SipMessageLog(files.sip, config.region),
    },
    systemScheduler,
  );
  return { registry, callMetrics, mediaLog, trace };
}
