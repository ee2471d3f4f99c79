/**
 * A relay thread of the compiled path, behind the same seam as the workers of the TypeScript engine: commands in,
 * reports out, counters in shared memory.
 *
 *     Shard ──RelayCommand──► NativeThread ──open, describe, close──► relay thread (C++)
 *           ◄─RelayReport──── (telephone events become digits here) ◄─wake, drain──╯
 */
import { GatewayError, hexToken, type Random, type Timer } from '../../core/index.js';
import type { ForkPoint, MediaEvent, Side } from '../engine.js';
import type { LegPlace, RelayCommand } from '../relay/commands.js';
import { clearRecord, legRecord } from '../relay/layout.js';
import type { RelayThread, RelayThreadParts } from '../relay/thread.js';
import { DtmfDetector } from '../stream/index.js';
import type { NativeBinding, NativeEvent, RelayHandle } from './binding.js';
import { packDescription } from './description.js';

export interface NativeThreadOptions {
  readonly binding: NativeBinding;
  readonly random: Random;
  /** Core to run on; absent: any. */
  readonly cpu?: number | undefined;
  /** Send by a raw socket where the process may; default true. */
  readonly raw?: boolean | undefined;
}

/** How often events whose end was lost are looked for, ms. */
const TICK_MS = 250;
const SIDES = ['customer', 'remote'] as const;
const POINTS: readonly ForkPoint[] = ['received', 'plain', 'sent'];

const sideNumber = (side: Side): 0 | 1 => (side === 'customer' ? 0 : 1);

const placeOf = ({ slot, rtpPort, address }: LegPlace): string => `${slot} ${rtpPort} ${address}`;

type Detectors = Readonly<Record<Side, DtmfDetector>>;

export class NativeThread implements RelayThread {
  readonly #parts: RelayThreadParts;
  readonly #options: NativeThreadOptions;
  readonly #handle: RelayHandle;
  readonly #detectors = new Map<number, Detectors>();
  /** Of the session that is being opened; the compiled part keeps none. */
  readonly #seeds = new Uint32Array(6);
  #ticking: Timer | undefined;

  /** @throws GatewayError `media.thread-gone` when no thread can be had */
  constructor(parts: RelayThreadParts, options: NativeThreadOptions) {
    this.#parts = parts;
    this.#options = options;
    const { binding, cpu = -1, raw = true } = options;
    const clockOffsetMs = parts.scheduler.nowMs() - monotonicMs();
    const counters = new Float64Array(parts.counters);
    const handle = binding.start({ cpu, raw, clockOffsetMs }, counters, () => this.#drain());
    if (!handle) throw new GatewayError('media.thread-gone', 'No relay thread can be started.', { origin: 'internal' });
    this.#handle = handle;
    queueMicrotask(() => parts.onReport({ kind: 'ready' }));
  }

  post(command: RelayCommand): void {
    switch (command.kind) {
      case 'open':
        this.#open(command);
        return;
      case 'describe':
        this.#describe(command);
        return;
      case 'fork':
        this.#fork(command);
        return;
      case 'unfork':
        this.#unfork(command.id, command.fork);
        return;
      case 'play':
        this.#options.binding.play(this.#handle, command.id, sideNumber(command.side), command.event);
        return;
      case 'close':
        this.#close(command.id);
        return;
      case 'stop':
        this.#stop();
        return;
    }
  }

  async end(): Promise<void> {
    this.#ticking?.cancel();
  }

  #open({ id, legs, timeoutMs }: Extract<RelayCommand, { kind: 'open' }>): void {
    const { binding, random } = this.#options;
    for (const side of SIDES) clearRecord(legRecord(this.#parts.counters, legs[side].slot));
    const seeds = this.#seeds;
    for (let at = 0; at < seeds.length; at++) seeds[at] = random.uint32();
    const places = `${placeOf(legs.customer)} ${placeOf(legs.remote)}`;
    const reason = binding.open(this.#handle, id, timeoutMs, { places, cname: hexToken(random, 3), seeds });
    if (reason !== undefined) {
      this.#parts.onReport({ kind: 'open-failed', id, side: 'customer', reason });
      return;
    }
    this.#parts.onReport({ kind: 'opened', id });
  }

  #describe({ id, side, description }: Extract<RelayCommand, { kind: 'describe' }>): void {
    const fits = this.#options.binding.describe(this.#handle, id, sideNumber(side), packDescription(description));
    if (!fits)
      this.#parts.onReport({ kind: 'fault', id, reason: 'An SRTP master key has the wrong length for its suite' });
  }

  #fork({ id, fork, side, point, memory, maxQueued }: Extract<RelayCommand, { kind: 'fork' }>): void {
    const [sideAt, pointAt] = [SIDES.indexOf(side) as 0 | 1, POINTS.indexOf(point) as 0 | 1 | 2];
    this.#options.binding.fork(this.#handle, id, fork, sideAt, pointAt, new Uint8Array(memory), maxQueued);
  }

  #unfork(id: number, fork: number): void {
    if (!this.#options.binding.unfork(this.#handle, id, fork)) this.#parts.onReport({ kind: 'unforked', fork });
  }

  #close(id: number): void {
    if (!this.#options.binding.close(this.#handle, id)) this.#parts.onReport({ kind: 'closed', id });
  }

  #stop(): void {
    this.#options.binding.stop(this.#handle);
    this.#drain();
    this.#parts.onReport({ kind: 'stopped' });
  }

  #drain(): void {
    const { events, closed, unforked } = this.#options.binding.drain(this.#handle);
    for (const event of events) this.#onEvent(event);
    for (const fork of unforked) this.#parts.onReport({ kind: 'unforked', fork });
    for (const id of closed) {
      this.#detectors.delete(id);
      this.#parts.onReport({ kind: 'closed', id });
    }
  }

  #onEvent(event: NativeEvent): void {
    if (event.kind !== 'telephone-event') {
      const { id, ...told } = event;
      this.#tell(id, told);
      return;
    }
    const { word, timestamp, clockRateHz, nowMs } = event;
    const payload = {
      event: word >>> 24,
      end: (word & 0x800000) !== 0,
      volume: (word >>> 16) & 0x3f,
      durationTs: word & 0xffff,
    };
    this.#detectorsOf(event.id)[event.side].onPacket(payload, timestamp, clockRateHz, nowMs);
  }

  /** Made at the first event: few calls have any. A session's last events come before it is told closed. */
  #detectorsOf(id: number): Detectors {
    const known = this.#detectors.get(id);
    if (known) return known;
    const detector = (side: Side) =>
      new DtmfDetector((event, durationMs) => this.#tell(id, { kind: 'dtmf', side, event, durationMs }));
    const made = { customer: detector('customer'), remote: detector('remote') };
    this.#detectors.set(id, made);
    this.#ticking ??= this.#parts.scheduler.after(TICK_MS, () => this.#tick());
    return made;
  }

  #tell(id: number, event: MediaEvent): void {
    this.#parts.onReport({ kind: 'event', id, event });
  }

  #tick(): void {
    const nowMs = this.#parts.scheduler.nowMs();
    for (const detectors of this.#detectors.values()) for (const side of SIDES) detectors[side].onTick(nowMs);
    this.#ticking = undefined;
    if (this.#detectors.size > 0) this.#ticking = this.#parts.scheduler.after(TICK_MS, () => this.#tick());
  }
}

/** CLOCK_MONOTONIC, which the relay thread reads too, in milliseconds. */
function monotonicMs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1000 + nanoseconds / 1e6;
}
