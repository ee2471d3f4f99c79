import type { RemoteDescription } from '../engine.js';
import type { Endpoint } from './address.js';
import { ACCEPTED, LATCHED, Latch } from './latch.js';
import { Refusals } from './refusals.js';

/** What a gate tells: its peer's media source was found, or a source was refused for the first time. */
export interface GateEvents {
  readonly onLatched: (address: string, port: number) => void;
  readonly onRefused: (address: string, port: number) => void;
}

/** Which sources may speak for a leg's peer: one latch for the RTP port, one for the RTCP port. */
export class Gate {
  readonly #rtp = new Latch();
  readonly #rtcp = new Latch();
  readonly #events: GateEvents;
  readonly #refusals: Refusals;

  constructor(events: GateEvents) {
    this.#events = events;
    this.#refusals = new Refusals(events.onRefused);
  }

  get rtpSource(): Endpoint | undefined {
    return this.#rtp.latched;
  }

  get rtcpSource(): Endpoint | undefined {
    return this.#rtcp.latched;
  }

  /** The source of RTP, once no stranger can take its place. */
  settledSource(nowMs: number): Endpoint | undefined {
    return this.#rtp.settled(nowMs);
  }

  /** Sets what sources are matched against; `reopen` forgets the latched ones. */
  describe(description: RemoteDescription, reopen: boolean): void {
    const { address, rtpPort, rtcpPort, rtcpAddress, signallingAddress, allowedSources } = description;
    this.#rtp.describe({ address, port: rtpPort, signallingAddress, allowedSources }, reopen);
    const rtcp = { address: rtcpAddress ?? address, port: rtcpPort ?? rtpPort + 1 };
    this.#rtcp.describe({ ...rtcp, signallingAddress, allowedSources }, reopen);
  }

  /** Judges what came to the RTP port; a refused source is told once. */
  admitRtp(address: string, port: number, nowMs: number, authentic: boolean): boolean {
    const verdict = this.#rtp.judge(address, port, nowMs, authentic);
    if (verdict === ACCEPTED) return true;
    if (verdict !== LATCHED) return this.#refuse(address, port);
    this.#rtcp.expect(address);
    this.#events.onLatched(address, port);
    return true;
  }

  /** Judges what came to the RTCP port: returns whether it is the peer's, and `moved` when that is news. */
  admitRtcp(address: string, port: number, nowMs: number, authentic: boolean): boolean | 'moved' {
    const verdict = this.#rtcp.judge(address, port, nowMs, authentic);
    if (verdict === ACCEPTED) return true;
    return verdict === LATCHED ? 'moved' : this.#refuse(address, port);
  }

  #refuse(address: string, port: number): false {
    this.#refusals.note(address, port);
    return false;
  }
}
