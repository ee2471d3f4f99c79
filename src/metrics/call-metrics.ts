import { Counter, Gauge, Histogram } from 'prom-client';
import type { CallEvent, CallFacts, CallListener, IntervalQuality, Path } from '../call/index.js';
import type { OpenMetricsRegistry } from './server.js';

/**
 * The managed service's metrics as Prometheus series (design §6), a projection of the call events: the figures are
 * those of the media log and the record, because all three take them from the same event.
 */
export class CallMetrics implements CallListener {
  readonly #region: string;
  readonly #attempts: Record<Way, Counter>;
  readonly #failures: Record<Way, Counter>;
  readonly #answered: Record<Way, Counter>;
  readonly #active: Record<Way, Gauge>;
  readonly #throttles: Counter;
  readonly #responses: Counter;
  readonly #counts: Record<CountName, Counter>;
  readonly #jitter: Histogram;
  readonly #roundTrip: Histogram;
  readonly #mos: Histogram;
  readonly #open = new Map<string, { facts: CallFacts; answered: boolean }>();

  constructor(registry: OpenMetricsRegistry, region: string) {
    this.#region = region;
    const registers = [registry];
    const counter = (name: string, help: string, ...labelNames: string[]) =>
      new Counter({ name: `voice_connector_${name}`, help, labelNames: [...LABELS, ...labelNames], registers });
    const histogram = (name: string, help: string, label: string, buckets: number[]) =>
      new Histogram({ name: `voice_connector_${name}`, help, labelNames: [...LABELS, label], buckets, registers });
    const gauge = (name: string, help: string) =>
      new Gauge({ name: `voice_connector_${name}`, help, labelNames: LABELS, registers });
    this.#attempts = both((way) => counter(`${way}_call_attempts_total`, `Calls tried, ${way}`));
    this.#failures = both((way) => counter(`${way}_call_failures_total`, `Calls that failed, ${way}`));
    this.#answered = both((way) => counter(`${way}_calls_answered_total`, `Calls answered, ${way}`));
    this.#active = both((way) => gauge(`${way}_calls_active`, `Calls in progress, ${way}`));
    this.#throttles = counter('throttles_total', 'Calls refused by a rate or concurrency limit');
    this.#responses = counter('sip_responses_total', 'SIP responses of calls, sent and received, by class', 'class');
    this.#counts = {
      rtp_packets: counter('rtp_packets_total', 'RTP packets', 'path'),
      rtp_bytes: counter('rtp_bytes_total', 'RTP bytes', 'path'),
      rtcp_packets: counter('rtcp_packets_total', 'RTCP packets', 'path'),
      rtcp_bytes: counter('rtcp_bytes_total', 'RTCP bytes', 'path'),
      rtp_packets_lost: counter('rtp_packets_lost_total', 'RTP packets lost', 'path'),
    };
    this.#jitter = histogram('jitter_seconds', 'Interarrival jitter per interval', 'path', JITTER_BUCKETS);
    this.#roundTrip = histogram('rtt_seconds', 'Round-trip time per interval', 'side', ROUND_TRIP_BUCKETS);
    this.#mos = histogram('mos', 'Estimated MOS per interval (ITU-T G.107)', 'side', MOS_BUCKETS);
  }

  onCallEvent(event: CallEvent): void {
    if (event.kind === 'decided') return this.#decided(event);
    const call = this.#open.get(event.transactionId);
    if (!call) return;
    const labels = this.#labels(call.facts.voiceConnectorId);
    const way = wayOf(call.facts);
    if (event.kind === 'answered') {
      call.answered = true;
      this.#answered[way].inc(labels);
    } else if (event.kind === 'figures') {
      this.#figures(labels, event.quality);
    } else if (event.kind === 'ended') {
      this.#open.delete(event.transactionId);
      this.#active[way].dec(labels);
      if (!call.answered) this.#failures[way].inc(labels);
    }
  }

  /** Counts one SIP response of a connector's call. */
  response(voiceConnectorId: string, status: number): void {
    this.#responses.inc({ ...this.#labels(voiceConnectorId), class: `${Math.floor(status / 100)}xx` });
  }

  #decided(event: Extract<CallEvent, { kind: 'decided' }>): void {
    const labels = this.#labels(event.facts.voiceConnectorId);
    const way = wayOf(event.facts);
    this.#open.set(event.transactionId, { facts: event.facts, answered: false });
    this.#attempts[way].inc(labels);
    this.#active[way].inc(labels);
    if (THROTTLES.has(event.code)) this.#throttles.inc(labels);
  }

  #figures(labels: Labels, quality: IntervalQuality): void {
    for (const [path, figures] of Object.entries(quality.paths) as [Path, IntervalQuality['paths'][Path]][]) {
      const at = { ...labels, path };
      this.#counts.rtp_packets.inc(at, figures.rtpPackets);
      this.#counts.rtp_bytes.inc(at, figures.rtpBytes);
      this.#counts.rtcp_packets.inc(at, figures.rtcpPackets);
      this.#counts.rtcp_bytes.inc(at, figures.rtcpBytes);
      this.#counts.rtp_packets_lost.inc(at, figures.packetsLostInterval ?? 0);
      if (figures.jitterUs !== null) this.#jitter.observe(at, figures.jitterUs / 1e6);
    }
    for (const side of ['customer', 'remote'] as const) {
      const at = { ...labels, side };
      const rttUs = quality.rttUs[side];
      const mos = quality.mos[side];
      if (rttUs !== null) this.#roundTrip.observe(at, rttUs / 1e6);
      if (mos !== null) this.#mos.observe(at, mos.mos);
    }
  }

  #labels(voiceConnectorId: string | undefined): Labels {
    return { voice_connector_id: voiceConnectorId ?? 'unassigned', region: this.#region };
  }
}

type Way = 'inbound' | 'outbound';
type Labels = { voice_connector_id: string; region: string };
type CountName = 'rtp_packets' | 'rtp_bytes' | 'rtcp_packets' | 'rtcp_bytes' | 'rtp_packets_lost';

const LABELS = ['voice_connector_id', 'region'];
const JITTER_BUCKETS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5];
const ROUND_TRIP_BUCKETS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 1, 2];
const MOS_BUCKETS = [1, 1.5, 2, 2.5, 3, 3.5, 3.6, 3.8, 4, 4.1, 4.2, 4.3, 4.4];

/** Refusals that count as throttles: the managed service's `Throttles`. */
const THROTTLES = new Set(['termination.cps-exceeded', 'termination.concurrency-exceeded']);

const both = <T>(make: (way: Way) => T): Record<Way, T> => ({ inbound: make('inbound'), outbound: make('outbound') });
const wayOf = (facts: CallFacts): Way => (facts.direction === 'Inbound' ? 'inbound' : 'outbound');
