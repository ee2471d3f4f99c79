import type { SrtpKeys } from '../engine.js';
import type { RtpView } from '../packet/rtp.js';
import { SrtpContext, SrtpFailure } from '../srtp/index.js';
import type { DropReason } from './layout.js';
import { Renumberer } from './renumberer.js';
import { scratch } from './scratch.js';

/**
 * SRTP at a leg's edge (RFC 3711): opens what its peer sealed, seals what goes to it. Inside everything is plain.
 *
 * A context lives as long as its keys: a description with the same keys keeps rollover counters and replay windows.
 */
export class LegCipher {
  #receiveKeys: SrtpKeys | undefined;
  #sendKeys: SrtpKeys | undefined;
  #receive: SrtpContext | undefined;
  #send: SrtpContext | undefined;
  #renumberer = new Renumberer();

  /** The peer seals; what comes plain from it is no packet of its. */
  get active(): boolean {
    return this.#receive !== undefined;
  }

  /** @throws GatewayError `media.srtp-key` when a key does not fit its suite; nothing is changed then */
  describe(srtp: { readonly receive: SrtpKeys; readonly send: SrtpKeys } | undefined): void {
    const receive = contextFor(srtp?.receive, this.#receiveKeys, this.#receive);
    const send = contextFor(srtp?.send, this.#sendKeys, this.#send);
    if (send !== this.#send) this.#renumberer = new Renumberer();
    this.#receiveKeys = srtp?.receive;
    this.#sendKeys = srtp?.send;
    this.#receive = receive;
    this.#send = send;
  }

  /** A plain copy of an RTP datagram, good until as many others were opened or sealed as there are slots; or why not. */
  open(datagram: Buffer): Buffer | DropReason {
    const slot = scratch(datagram);
    const length = this.#receive!.open(slot.memory, datagram.length);
    return length >= 0 ? slot.first(length) : rtpDrop(length);
  }

  /** The same of an RTCP datagram. */
  openRtcp(datagram: Buffer): Buffer | DropReason {
    const slot = scratch(datagram);
    const length = this.#receive!.openRtcp(slot.memory, datagram.length);
    return length >= 0 ? slot.first(length) : rtcpDrop(length);
  }

  /** A sealed copy of an RTP packet, or undefined when it can't be sealed (its index was used: a duplicate). */
  seal(packet: Buffer, view: RtpView): Buffer | undefined {
    const slot = scratch(packet);
    const copy = slot.bytes;
    const sequence = this.#renumberer.renumber(view.ssrc, view.sequence);
    copy[2] = sequence >>> 8;
    copy[3] = sequence & 0xff;
    const length = this.#send!.seal(slot.memory, packet.length);
    return length >= 0 ? slot.first(length) : undefined;
  }

  /** A sealed copy of an RTCP datagram, or undefined when it can't be sealed. */
  sealRtcp(datagram: Buffer): Buffer | undefined {
    const slot = scratch(datagram);
    const length = this.#send!.sealRtcp(slot.memory, datagram.length);
    return length >= 0 ? slot.first(length) : undefined;
  }
}

function contextFor(
  keys: SrtpKeys | undefined,
  known: SrtpKeys | undefined,
  context: SrtpContext | undefined,
): SrtpContext | undefined {
  if (keys === undefined) return undefined;
  return sameKeys(keys, known) ? context : new SrtpContext(keys);
}

/** Whether both are the same suite and key, or both absent. */
export function sameKeys(one: SrtpKeys | undefined, other: SrtpKeys | undefined): boolean {
  if (!one || !other) return one === other;
  return one.suite === other.suite && Buffer.compare(one.key, other.key) === 0;
}

function rtpDrop(failure: number): DropReason {
  if (failure === SrtpFailure.authentication) return 'srtp-auth';
  if (failure === SrtpFailure.replay) return 'srtp-replay';
  return failure === SrtpFailure.sources ? 'srtp-sources' : 'malformed';
}

function rtcpDrop(failure: number): DropReason {
  if (failure === SrtpFailure.authentication) return 'srtcp-auth';
  if (failure === SrtpFailure.replay) return 'srtcp-replay';
  return failure === SrtpFailure.sources ? 'srtp-sources' : 'rtcp-malformed';
}
