import { createSocket, type Socket } from 'node:dgram';
import type { Scheduler, Timer } from '../../core/index.js';
import { canonicalHost } from '../message/index.js';
import { familyOf, isWildcard, plainAddress } from './address.js';
import type { Endpoint } from './flow.js';

/**
 * Measures how long a datagram waits in the queue of a UDP listener: the only sign of overload that comes before
 * peers repeat their requests. Every 100 ms a four-byte datagram goes from a socket of ours to the listener's own
 * address, and is timed when the listener takes it out.
 *
 *     probe socket ──"\0q\0\0"──► kernel queue of the listener ──(behind everything that waits)──► taken()
 *
 * One that is still on its way, or was dropped because the queue is full, counts as late as it already is.
 */
export class QueueProbe {
  readonly #scheduler: Scheduler;
  readonly #target: Endpoint;
  #socket: Socket | undefined;
  #timer: Timer | undefined;
  #sentMs: number | undefined;
  #lastMs = 0;
  #port = 0;

  constructor(listener: Endpoint, scheduler: Scheduler) {
    this.#scheduler = scheduler;
    const wildcard = familyOf(listener.address) === 4 ? '127.0.0.1' : '::1';
    this.#target = { address: isWildcard(listener.address) ? wildcard : listener.address, port: listener.port };
  }

  /** Begins to measure; where no socket can be had, nothing is measured. */
  async start(): Promise<void> {
    const socket = createSocket(familyOf(this.#target.address) === 4 ? 'udp4' : 'udp6');
    const bound = await new Promise<boolean>((resolve) => {
      socket.once('error', () => resolve(false));
      socket.bind({ address: this.#target.address, port: 0 }, () => resolve(true));
    });
    if (!bound) return void socket.close();
    socket.removeAllListeners('error').on('error', () => {
      this.#sentMs = undefined;
    });
    socket.unref();
    this.#port = socket.address().port;
    this.#socket = socket;
    this.#next();
  }

  stop(): void {
    this.#timer?.cancel();
    this.#socket?.close();
    this.#socket = undefined;
  }

  /** Whether a datagram is one of ours; if so it has been timed and is not to be read further. */
  taken(bytes: Buffer, address: string, port: number): boolean {
    if (port !== this.#port || bytes.length !== PROBE.length || bytes[0] !== 0) return false;
    if (canonicalHost(plainAddress(address)) !== canonicalHost(this.#target.address)) return false;
    if (this.#sentMs !== undefined) this.#lastMs = this.#scheduler.nowMs() - this.#sentMs;
    this.#sentMs = undefined;
    return true;
  }

  /** Milliseconds a datagram waits now: the last measured, or the age of one that is still on its way. */
  get delayMs(): number {
    const ageMs = this.#sentMs === undefined ? 0 : this.#scheduler.nowMs() - this.#sentMs;
    return Math.max(this.#lastMs, ageMs);
  }

  #next(): void {
    this.#timer = this.#scheduler.after(PERIOD_MS, () => {
      const nowMs = this.#scheduler.nowMs();
      if (this.#sentMs === undefined || nowMs - this.#sentMs > LOST_MS) {
        this.#sentMs = nowMs;
        this.#socket?.send(PROBE, this.#target.port, this.#target.address);
      }
      if (this.#socket) this.#next();
    });
  }
}

const PROBE = Buffer.from('\0q\0\0', 'latin1');
const PERIOD_MS = 100;
/** After this a probe is taken for dropped and another one sent. */
const LOST_MS = 1000;
