import type { EngineHealth, MediaEngine, MediaSession, SessionOrder } from '../engine.js';
import { TypescriptEngine, type TypescriptEngineOptions } from '../relay/index.js';
import type { NativeBinding } from './binding.js';
import { NativeThread } from './thread.js';

export interface NativeEngineOptions extends Omit<TypescriptEngineOptions, 'bind' | 'startThread'> {
  /** What `loadNative` gave. */
  readonly binding: NativeBinding;
  /** Core of each thread, taken in turn; absent: any core. */
  readonly cpus?: readonly number[];
  /** Send by a raw socket where the process may; default true. */
  readonly raw?: boolean;
}

/**
 * The media engine whose packets are carried by compiled threads. Ports, sessions and reports are those of the
 * TypeScript engine; only the threads are others, so the two agree in all but who moves the packets.
 *
 *     call ── MediaEngine ──► ports, sessions ── RelayCommand ──► NativeThread ──► relay thread (C++)
 */
export class NativeEngine implements MediaEngine {
  readonly name = 'native';
  readonly #engine: TypescriptEngine;

  constructor(options: NativeEngineOptions) {
    const { binding, cpus = [], raw, random } = options;
    this.#engine = new TypescriptEngine({
      ...options,
      startThread: (parts, index) => new NativeThread(parts, { binding, random, raw, cpu: cpus[index % cpus.length] }),
    });
  }

  start(): Promise<void> {
    return this.#engine.start();
  }

  stop(): Promise<void> {
    return this.#engine.stop();
  }

  open(order: SessionOrder): Promise<MediaSession> {
    return this.#engine.open(order);
  }

  get portsFree(): number {
    return this.#engine.portsFree;
  }

  health(): EngineHealth {
    return this.#engine.health();
  }
}
