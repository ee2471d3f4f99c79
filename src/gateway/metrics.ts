import type { CallControl, Policy, Registrar } from '../call/index.js';
import type { GatewayConfig } from '../config/index.js';
import type { Counters } from '../core/index.js';
import {
  MetricsServer,
  type NodeSources,
  type OpenMetricsRegistry,
  PlainCounters,
  registerNodeMetrics,
} from '../metrics/index.js';
import type { MediaEngine } from '../rtp/index.js';
import type { LogFiles } from './observers.js';
import type { Records } from './records.js';
import { rootCertificate } from './settings.js';
import type { Signaling } from './signaling.js';

/** What the node's own figures are read from. */
export interface MeasuredParts {
  readonly registry: OpenMetricsRegistry;
  readonly counters: Counters;
  readonly control: CallControl;
  readonly policy: Policy;
  readonly media: MediaEngine;
  readonly registrar: Registrar;
  readonly records: Records;
  readonly files: LogFiles;
  readonly overload: Signaling['overload'];
}

/** Registers the node's figures; gives the server, not yet listening, where one is configured. */
export function buildMetrics(config: GatewayConfig, parts: MeasuredParts): MetricsServer | undefined {
  const { registry, counters, control, media, policy } = parts;
  registerNodeMetrics(registry, {
    counters,
    media: () => media.health(),
    gauges: gauges(parts),
    targets: () => policy.targetStates(),
  });
  const plain = new PlainCounters(registry, counters);
  if (!config.metrics.listen) return undefined;
  return new MetricsServer(
    config.metrics.listen,
    registry,
    () => plain.collect(),
    () => ({ status: control.draining ? 'draining' : 'ok', callsActive: control.calls.size }),
    () => rootCertificate(config),
  );
}

function gauges({ control, policy, registrar, records, files, overload }: MeasuredParts): NodeSources['gauges'] {
  const registrations = (wanted: string): number => registrar.views().filter(({ state }) => state === wanted).length;
  return [
    {
      name: 'sip_queue_delay_seconds',
      help: 'Time a SIP message waits before it is read',
      read: () => overload.delayMs / 1000,
    },
    { name: 'calls_active', help: 'Calls in progress', read: () => control.calls.size },
    {
      name: 'carriers_registered',
      help: 'Carriers that hold our registration',
      read: () => registrations('registered'),
    },
    {
      name: 'registrations_failed',
      help: 'Carriers that ask for registration and have none of ours',
      read: () => registrations('failed'),
    },
    { name: 'fraud_holds', help: 'Countries held by the fraud brakes', read: () => policy.fraudHolds().length },
    { name: 'records_queued', help: 'Records not yet durable', read: () => records.sink.depth },
    {
      name: 'journal_open_calls',
      help: 'Calls in the journal without a durable record',
      read: () => records.journal.openCalls,
    },
    {
      name: 'journal_failures',
      help: 'Journal writes that failed and were tried again',
      read: () => records.journal.failures,
    },
    {
      name: 'log_lines_dropped',
      help: 'Log lines dropped because the disk would not take them',
      read: () => files.media.dropped + files.sip.dropped,
    },
  ];
}
