import { Counter, Gauge, Histogram } from 'prom-client';
import { type CallEvent, type CallFacts, type CallListener, type IntervalQuality, PATHS } from '../call/index.js';
import { Counters } from '../core/index.js';
import type { OpenMetricsRegistry } from './server.js';

/**
 * The managed service's metrics as Prometheus series (design §6), a projection of the call events: the figures are
 * those of the media log and the record, because all three take them from the same event.
 */
export class CallMetrics implements CallListener {
  readonly #region: string;
  /** Counts by series and `<voiceConnectorId>[ <label>]`: cheap on the hot path, handed over when scraped. */
  readonly #counts = new Counters();
  readonly #jitter: Histogram;
  readonly #roundTrip: Histogram;
  readonly #mos: Histogram;
  readonly #labelsOf = new Map<string, Map<string, string>>();
  readonly #open = new Map<string, { facts: CallFacts; answered: boolean }>();

  constructor(registry: OpenMetricsRegistry, region: string) {
    this.#region = region;
    const registers = [registry];
    for (const [name, { help, label }] of Object.entries(COUNTERS)) this.#register(registry, name, help, label);
    for (const way of WAYS) this.#registerActive(registry, way);
    const histogram = (name: string, help: string, label: string, buckets: number[]) =>
      new Histogram({ name: `voice_connector_${name}`, help, labelNames: [...LABELS, label], buckets, registers });
    this.#jitter = histogram('jitter_seconds', 'Interarrival jitter per interval', 'path', JITTER_BUCKETS);
    this.#roundTrip = histogram('rtt_seconds', 'Round-trip time per interval', 'side', ROUND_TRIP_BUCKETS);
    this.#mos = histogram('mos', 'Estimated MOS per interval (ITU-T G.107)', 'side', MOS_BUCKETS);
  }

  onCallEvent(event: CallEvent): void {
    if (event.kind === 'decided') return this.#decided(event);
    const call = this.#open.get(event.transactionId);
    if (!call) return;
    const id = idOf(call.facts.voiceConnectorId);
    const way = wayOf(call.facts);
    if (event.kind === 'answered') {
      call.answered = true;
      this.#counts.add(`${way}_calls_answered_total`, id);
    } else if (event.kind === 'dtmf') {
      this.#counts.add('dtmf_digits_total', `${id} ${event.way}`);
    } else if (event.kind === 'dtmf-refused') {
      this.#counts.add('dtmf_refused_total', `${id} ${event.code}`);
    } else if (event.kind === 'media-refused') {
      this.#counts.add('media_refused_total', `${id} ${event.code}`);
    } else if (event.kind === 'figures') {
      this.#figures(id, event.quality);
    } else if (event.kind === 'ended') {
      this.#open.delete(event.transactionId);
      this.#counts.add(`${way}_calls_active`, id, -1);
      if (!call.answered) this.#counts.add(`${way}_call_failures_total`, id);
    }
  }

  /** Counts one SIP response of a connector's call. */
  response(voiceConnectorId: string, status: number): void {
    this.#counts.add('sip_responses_total', this.#labelOf(voiceConnectorId, CLASSES[Math.floor(status / 100)]!));
  }

  /** `<voiceConnectorId> <detail>`, put together once for all calls. */
  #labelOf(id: string, detail: string): string {
    const known = this.#labelsOf.get(id)?.get(detail);
    if (known !== undefined) return known;
    const label = `${id} ${detail}`;
    const labels = this.#labelsOf.get(id);
    if (labels) labels.set(detail, label);
    else this.#labelsOf.set(id, new Map([[detail, label]]));
    return label;
  }

  #decided(event: Extract<CallEvent, { kind: 'decided' }>): void {
    const id = idOf(event.facts.voiceConnectorId);
    const way = wayOf(event.facts);
    this.#open.set(event.transactionId, { facts: event.facts, answered: false });
    this.#counts.add(`${way}_call_attempts_total`, id);
    this.#counts.add(`${way}_calls_active`, id);
    if (THROTTLES.has(event.code)) this.#counts.add('throttles_total', id);
  }

  #figures(id: string, quality: IntervalQuality): void {
    const counts = this.#counts;
    for (const path of PATHS) {
      const figures = quality.paths[path];
      const label = this.#labelOf(id, path);
      counts.add('rtp_packets_total', label, figures.rtpPackets);
      counts.add('rtp_bytes_total', label, figures.rtpBytes);
      counts.add('rtcp_packets_total', label, figures.rtcpPackets);
      counts.add('rtcp_bytes_total', label, figures.rtcpBytes);
      counts.add('rtp_packets_lost_total', label, figures.packetsLostInterval ?? 0);
      if (figures.jitterUs !== null) this.#jitter.observe({ ...this.#labels(id), path }, figures.jitterUs / 1e6);
    }
    for (const side of ['customer', 'remote'] as const) {
      const rttUs = quality.rttUs[side];
      const mos = quality.mos[side];
      if (rttUs !== null) this.#roundTrip.observe({ ...this.#labels(id), side }, rttUs / 1e6);
      if (mos !== null) this.#mos.observe({ ...this.#labels(id), side }, mos.mos);
    }
  }

  #register(registry: OpenMetricsRegistry, name: string, help: string, label: string | undefined): void {
    const fill = (counter: Counter): void => {
      counter.reset();
      for (const [labels, value] of this.#series(name, label)) counter.inc(labels, value);
    };
    new Counter({
      name: `voice_connector_${name}`,
      help,
      labelNames: label === undefined ? LABELS : [...LABELS, label],
      registers: [registry],
      collect() {
        fill(this);
      },
    });
  }

  #registerActive(registry: OpenMetricsRegistry, way: Way): void {
    const fill = (gauge: Gauge): void => {
      gauge.reset();
      for (const [labels, value] of this.#series(`${way}_calls_active`, undefined)) gauge.set(labels, value);
    };
    new Gauge({
      name: `voice_connector_${way}_calls_active`,
      help: `Calls in progress, ${way}`,
      labelNames: LABELS,
      registers: [registry],
      collect() {
        fill(this);
      },
    });
  }

  *#series(name: string, label: string | undefined): Generator<[Record<string, string>, number]> {
    for (const [series, key, value] of this.#counts.entries()) {
      if (series !== name) continue;
      const [id = '', detail = ''] = key.split(' ');
      yield [label === undefined ? this.#labels(id) : { ...this.#labels(id), [label]: detail }, value];
    }
  }

  #labels(id: string): Record<string, string> {
    return { voice_connector_id: id, region: this.#region };
  }
}

type Way = 'inbound' | 'outbound';

const CLASSES = ['0xx', '1xx', '2xx', '3xx', '4xx', '5xx', '6xx'];
const WAYS: readonly Way[] = ['inbound', 'outbound'];
const LABELS = ['voice_connector_id', 'region'];

/** Counters by name, with what they count and their own label. */
const COUNTERS: Readonly<Record<string, { readonly help: string; readonly label?: string }>> = {
  inbound_call_attempts_total: { help: 'Calls tried, inbound' },
  outbound_call_attempts_total: { help: 'Calls tried, outbound' },
  inbound_call_failures_total: { help: 'Calls that failed, inbound' },
  outbound_call_failures_total: { help: 'Calls that failed, outbound' },
  inbound_calls_answered_total: { help: 'Calls answered, inbound' },
  outbound_calls_answered_total: { help: 'Calls answered, outbound' },
  throttles_total: { help: 'Calls refused by a rate or concurrency limit' },
  sip_responses_total: { help: 'SIP responses of calls, sent and received, by class', label: 'class' },
  dtmf_digits_total: {
    help: 'Digits keyed, as telephone-events (rtp) or in SIP INFO that was translated',
    label: 'way',
  },
  dtmf_refused_total: { help: 'Digits that could not be passed on between the two, by code', label: 'code' },
  media_refused_total: { help: 'Changes of media asked for in a call and refused by us, by code', label: 'code' },
  rtp_packets_total: { help: 'RTP packets', label: 'path' },
  rtp_bytes_total: { help: 'RTP bytes', label: 'path' },
  rtcp_packets_total: { help: 'RTCP packets', label: 'path' },
  rtcp_bytes_total: { help: 'RTCP bytes', label: 'path' },
  rtp_packets_lost_total: { help: 'RTP packets lost', label: 'path' },
};

const JITTER_BUCKETS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5];
const ROUND_TRIP_BUCKETS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 1, 2];
const MOS_BUCKETS = [1, 1.5, 2, 2.5, 3, 3.5, 3.6, 3.8, 4, 4.1, 4.2, 4.3, 4.4];

/** Refusals that count as throttles: the managed service's `Throttles`. */
const THROTTLES = new Set(['termination.cps-exceeded', 'termination.concurrency-exceeded']);

const idOf = (voiceConnectorId: string | undefined): string => voiceConnectorId ?? 'unassigned';
const wayOf = (facts: CallFacts): Way => (facts.direction === 'Inbound' ? 'inbound' : 'outbound');
