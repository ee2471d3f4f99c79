import type { CallEvent, CallFacts, CallListener } from '../events.js';
import type { IntervalQuality } from '../quality.js';
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
    const { cust2vc, vc2cust, rem2vc, vc2rem } = quality.paths;
    // Every member is written out: names put together at run time make an object that is slow to build and to write.
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
      cust2vc_rtp_packets: cust2vc.rtpPackets,
      cust2vc_rtp_bytes: cust2vc.rtpBytes,
      cust2vc_rtcp_packets: cust2vc.rtcpPackets,
      cust2vc_rtcp_bytes: cust2vc.rtcpBytes,
      cust2vc_packets_lost: cust2vc.packetsLost,
      cust2vc_jitter: rounded(cust2vc.jitterUs),
      vc2cust_rtp_packets: vc2cust.rtpPackets,
      vc2cust_rtp_bytes: vc2cust.rtpBytes,
      vc2cust_rtcp_packets: vc2cust.rtcpPackets,
      vc2cust_rtcp_bytes: vc2cust.rtcpBytes,
      vc2cust_packets_lost: vc2cust.packetsLost,
      vc2cust_jitter: rounded(vc2cust.jitterUs),
      rem2vc_rtp_packets: rem2vc.rtpPackets,
      rem2vc_rtp_bytes: rem2vc.rtpBytes,
      rem2vc_rtcp_packets: rem2vc.rtcpPackets,
      rem2vc_rtcp_bytes: rem2vc.rtcpBytes,
      rem2vc_packets_lost: rem2vc.packetsLost,
      rem2vc_jitter: rounded(rem2vc.jitterUs),
      vc2rem_rtp_packets: vc2rem.rtpPackets,
      vc2rem_rtp_bytes: vc2rem.rtpBytes,
      vc2rem_rtcp_packets: vc2rem.rtcpPackets,
      vc2rem_rtcp_bytes: vc2rem.rtcpBytes,
      vc2rem_packets_lost: vc2rem.packetsLost,
      vc2rem_jitter: rounded(vc2rem.jitterUs),
      rtt_btwn_vc_and_cust: rounded(quality.rttUs.customer),
      rtt_btwn_vc_and_rem: rounded(quality.rttUs.remote),
      mos_btwn_vc_and_cust: quality.mos.customer?.mos ?? null,
      mos_btwn_vc_and_rem: quality.mos.remote?.mos ?? null,
    });
  }
}

const rounded = (value: number | null): number | null => (value === null ? null : Math.round(value));
