import dgram from 'node:dgram';
import { once } from 'node:events';
import { type CapturedDatagram, PcapWriter } from './pcap.js';

/**
 * A bad network between two UDP endpoints, the same each time for the same seed. RTP and RTCP ports, both directions.
 *
 *     near peer ──► front (RTP p, RTCP p+1) ══ loss, delay, jitter, reordering, duplicates ══► back ──► far address
 *     near peer ◄── front                   ◄══════════════════════════════════════════════   back ◄── far address
 *
 * What leaves it is captured with the time it left, so that an analysis sees what the receiver saw.
 */
export interface Impairment {
  /** 0–1 */
  readonly loss?: number;
  /** Chance that a lost packet is followed by another lost one (bursts); default `loss`. */
  readonly lossAfterLoss?: number;
  readonly delayMs?: number;
  /** Extra delay, uniform from 0 to this; packets stay in order unless reordering is asked for. */
  readonly jitterMs?: number;
  /** 0–1: share of packets that leave after the packet behind them */
  readonly reorder?: number;
  /** 0–1 */
  readonly duplicate?: number;
}

export interface ImpairmentRelayOptions {
  readonly seed: number;
  readonly toFar?: Impairment;
  readonly toNear?: Impairment;
  readonly far: { readonly address: string; readonly rtpPort: number; readonly rtcpPort: number };
  /** Nothing leaves before its time, as it may by a millisecond, timers being what they are; for a few packets only. */
  readonly punctual?: boolean;
}

/** mulberry32 */
function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** What happens to one datagram: when copies of it leave, relative to its arrival. */
export class Line {
  readonly #impairment: Impairment;
  readonly #random: () => number;
  readonly #held: { readonly leavesMs: number; readonly leave: () => void }[] = [];
  #lostLast = false;
  #lastLeavesMs = 0;

  constructor(impairment: Impairment, seed: number) {
    this.#impairment = impairment;
    this.#random = seeded(seed);
  }

  /** @returns times to send it at; none when it is lost */
  fate(nowMs: number): number[] {
    const { loss = 0, lossAfterLoss = loss, delayMs = 0, jitterMs = 0, reorder = 0, duplicate = 0 } = this.#impairment;
    const [lossDraw, jitterDraw, reorderDraw, duplicateDraw] = Array.from({ length: 4 }, this.#random);
    this.#lostLast = lossDraw! < (this.#lostLast ? lossAfterLoss : loss);
    if (this.#lostLast) return [];
    const leavesMs = Math.max(nowMs + delayMs + jitterDraw! * jitterMs, this.#lastLeavesMs);
    // Held back without moving the others: the packet behind it overtakes it.
    if (reorderDraw! < reorder) return [leavesMs + 15];
    this.#lastLeavesMs = leavesMs;
    return duplicateDraw! < duplicate ? [leavesMs, leavesMs + 1] : [leavesMs];
  }

  /** Keeps a datagram among those that wait, in the order they leave. */
  hold(leavesMs: number, leave: () => void): void {
    let at = this.#held.length;
    while (at > 0 && this.#held[at - 1]!.leavesMs > leavesMs) at--;
    this.#held.splice(at, 0, { leavesMs, leave });
  }

  /** Lets go of all that leaves at `untilMs` or before. */
  release(untilMs: number): void {
    while (this.#held.length > 0 && this.#held[0]!.leavesMs <= untilMs) this.#held.shift()!.leave();
  }
}

export class ImpairmentRelay {
  readonly #sockets: dgram.Socket[] = [];
  readonly #capture = new PcapWriter();
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #punctual: boolean;
  /** Datagrams that came and were dropped, by direction. */
  readonly lost = { toFar: 0, toNear: 0 };
  rtpPort = 0;
  rtcpPort = 0;
  /** Where the far side sees it. */
  farRtpPort = 0;
  farRtcpPort = 0;

  private constructor(punctual: boolean) {
    this.#punctual = punctual;
  }

  /** @param ports  four free ports in a row: front RTP and RTCP, back RTP and RTCP */
  static async open(firstPort: number, options: ImpairmentRelayOptions): Promise<ImpairmentRelay> {
    const relay = new ImpairmentRelay(options.punctual === true);
    const [front, frontRtcp, back, backRtcp] = await Promise.all(
      [0, 1, 2, 3].map((offset) => relay.#bind(firstPort + offset)),
    );
    relay.#join(front!, back!, options, options.far.rtpPort, 0);
    relay.#join(frontRtcp!, backRtcp!, options, options.far.rtcpPort, 1);
    relay.rtpPort = firstPort;
    relay.rtcpPort = firstPort + 1;
    relay.farRtpPort = firstPort + 2;
    relay.farRtcpPort = firstPort + 3;
    return relay;
  }

  /** All that has left so far, by this process's clock. */
  get captured(): readonly CapturedDatagram[] {
    return this.#capture.datagrams;
  }

  /** Writes all that has left so far as a capture file. */
  writeCapture(path: string): void {
    this.#capture.write(path);
  }

  async close(): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer);
    await Promise.all(this.#sockets.map((socket) => new Promise<void>((resolve) => socket.close(() => resolve()))));
  }

  async #bind(port: number): Promise<dgram.Socket> {
    const socket = dgram.createSocket({ type: 'udp4', recvBufferSize: 1 << 20 });
    socket.bind(port, '127.0.0.1');
    await once(socket, 'listening');
    this.#sockets.push(socket);
    return socket;
  }

  #join(front: dgram.Socket, back: dgram.Socket, options: ImpairmentRelayOptions, farPort: number, salt: number): void {
    const toFar = new Line(options.toFar ?? {}, options.seed * 4 + salt);
    const toNear = new Line(options.toNear ?? {}, options.seed * 4 + 2 + salt);
    let near: { address: string; port: number } | undefined;
    front.on('message', (data, source) => {
      near = source;
      if (!this.#pass(toFar, back, data, options.far.address, farPort)) this.lost.toFar++;
    });
    back.on('message', (data) => {
      if (near && !this.#pass(toNear, front, data, near.address, near.port)) this.lost.toNear++;
    });
  }

  #pass(line: Line, out: dgram.Socket, data: Buffer, address: string, port: number): boolean {
    const times = line.fate(performance.now());
    for (const leavesMs of times) this.#sendAt(line, leavesMs, () => this.#leave(out, data, address, port));
    return times.length > 0;
  }

  /** A late timer sends what should have left before it first, so that a busy machine changes no order. */
  #sendAt(line: Line, leavesMs: number, leave: () => void): void {
    line.hold(leavesMs, leave);
    const waitMs = leavesMs - performance.now();
    if (waitMs <= 0) return line.release(leavesMs);
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      if (this.#punctual) whenMs(leavesMs, () => line.release(leavesMs));
      else line.release(leavesMs);
    }, waitMs);
    this.#timers.add(timer);
  }

  #leave(out: dgram.Socket, data: Buffer, address: string, port: number): void {
    out.send(data, port, address);
    this.#capture.add({
      atMs: performance.timeOrigin + performance.now(),
      sourceAddress: '127.0.0.1',
      sourcePort: out.address().port,
      targetAddress: address,
      targetPort: port,
      data,
    });
  }
}

/** Goes round the event loop until it is time. */
function whenMs(timeMs: number, run: () => void): void {
  if (performance.now() >= timeMs) run();
  else setImmediate(whenMs, timeMs, run);
}
