import type { CallEvent, CallFacts, CallListener } from '../events.js';
import type { IntervalQuality, Path, PathQuality } from '../quality.js';
import type { JsonLinesLog } from './json-lines.js';

export interface MediaLogContext {
  readonly region: string;
  readonly countryOf: (number: string) => string;
  /** Whether the connector has enableMediaMetricLogs. */
  readonly enabled: (voiceConnectorId: string) => boolean;
  /** Opaque id, the same for the same far address. */
  readonly endpointId: (address: string) => string;
}

interface Open {
  facts: CallFacts;
  endpointId: string;
}

/**
 * The media log: one line per call each minute and one at its end, with the managed service's members (design §6).
 * Counts are of the interval, packets lost cumulative, jitter and round trip in microseconds, unknown values null.
 */
export class MediaLog implements CallListener {
  readonly #open = new Map<string, Open>();
  readonly #context: MediaLogContext;
  readonly #log: JsonLinesLog;

  constructor(context: MediaLogContext, log: JsonLinesLog) {
    this.#context = context;
    this.#log = log;
  }

  onCallEvent(event: CallEvent): void {
    switch (event.kind) {
      case 'decided':
        this.#start(event.transactionId, event.facts);
        break;
      case 'media-latched':
        this.#setEndpoint(event.transactionId, event.side === 'customer' ? event.address : undefined);
        break;
      case 'figures':
        this.#write(event.transactionId, event.timeMs, event.quality);
        break;
      case 'ended':
        this.#open.delete(event.transactionId);
        break;
      default:
    }
  }

  #start(transactionId: string, facts: CallFacts): void {
    const id = facts.voiceConnectorId;
    if (id !== undefined && this.#context.enabled(id)) this.#open.set(transactionId, { facts, endpointId: '' });
  }

  #setEndpoint(transactionId: string, address: string | undefined): void {
    const open = this.#open.get(transactionId);
    if (open && address !== undefined) open.endpointId = this.#context.endpointId(address);
  }

  #write(transactionId: string, timeMs: number, quality: IntervalQuality): void {
    const open = this.#open.get(transactionId);
    if (!open) return;
    const { facts } = open;
    this.#log.append(facts.voiceConnectorId, timeMs, {
      voice_connector_id: facts.voiceConnectorId,
      event_timestamp: timeMs,
      call_id: transactionId,
      from_sip_user: facts.from,
      from_country: this.#context.countryOf(facts.from),
      to_sip_user: facts.to,
      to_country: this.#context.countryOf(facts.to),
      endpoint_id: open.endpointId,
      aws_region: this.#context.region,
      ...pathMembers('cust2vc', quality),
      ...pathMembers('vc2cust', quality),
      ...pathMembers('rem2vc', quality),
      ...pathMembers('vc2rem', quality),
      rtt_btwn_vc_and_cust: rounded(quality.rttUs.customer),
      rtt_btwn_vc_and_rem: rounded(quality.rttUs.remote),
      mos_btwn_vc_and_cust: quality.mos.customer?.mos ?? null,
      mos_btwn_vc_and_rem: quality.mos.remote?.mos ?? null,
    });
  }
}

const rounded = (value: number | null): number | null => (value === null ? null : Math.round(value));

function pathMembers(path: Path, quality: IntervalQuality): Record<string, number | null> {
  const figures: PathQuality = quality.paths[path];
  return {
    [`${path}_rtp_packets`]: figures.rtpPackets,
    [`${path}_rtp_bytes`]: figures.rtpBytes,
    [`${path}_rtcp_packets`]: figures.rtcpPackets,
    [`${path}_rtcp_bytes`]: figures.rtcpBytes,
    [`${path}_packets_lost`]: figures.packetsLost,
    [`${path}_jitter`]: rounded(figures.jitterUs),
  };
}
