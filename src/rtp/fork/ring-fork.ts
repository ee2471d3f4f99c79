import type { Scheduler, Timer } from '../../core/index.js';
import type { ForkFigures, ForkOrder, MediaFork } from '../engine.js';
import type { RingReader } from './ring-reader.js';

export interface RingForkParts {
  readonly order: ForkOrder;
  readonly reader: RingReader;
  readonly scheduler: Scheduler;
  /** Has the packet path copy no more; resolves when it does not. */
  readonly halt: () => Promise<void>;
  readonly onEnded: () => void;
}

/** How often the queue is looked at, ms; batches of one look at most, so that nobody else in this thread starves. */
const POLL_MS = 20;
const BATCH_PACKETS = 256;
const BATCHES_PER_POLL = 8;
/** A closing fork waits so long for a consumer that is busy, ms. */
const GRACE_MS = 1000;

/** A fork as its consumer holds it: polls the queue and hands packets over, one batch at a time. */
export class RingFork implements MediaFork {
  readonly ended: MediaFork['ended'];
  readonly #parts: RingForkParts;
  #tellEnded!: (end: Awaited<MediaFork['ended']>) => void;
  #polling: Timer | undefined;
  /** Settles when the consumer has done with its batch. */
  #busy: Promise<void> | undefined;
  #failure: { readonly cause: unknown } | undefined;
  #closing: Promise<ForkFigures> | undefined;
  #final: ForkFigures | undefined;

  constructor(parts: RingForkParts) {
    this.#parts = parts;
    this.ended = new Promise((resolve) => {
      this.#tellEnded = resolve;
    });
    this.#wait();
  }

  read(): ForkFigures {
    if (this.#final) return this.#final;
    const { copied, dropped, oversized } = this.#parts.reader;
    return { copied, dropped, oversized, abandoned: 0 };
  }

  close(): Promise<ForkFigures> {
    this.#closing ??= this.#finish();
    return this.#closing;
  }

  #wait(): void {
    if (!this.#closing) this.#polling = this.#parts.scheduler.after(POLL_MS, () => this.#poll());
  }

  /** Hands over what waits, until the queue is empty or the consumer takes its time. */
  #poll(): void {
    for (let batches = 0; batches < BATCHES_PER_POLL && !this.#closing; batches++) {
      if (!this.#deliver(BATCH_PACKETS)) break;
      if (this.#busy) {
        void this.#busy.then(() => this.#wait());
        return;
      }
    }
    this.#wait();
  }

  /** Returns false when nothing waited. */
  #deliver(limit: number): boolean {
    const packets = this.#parts.reader.take(limit);
    if (packets.length === 0) return false;
    try {
      const done = this.#parts.order.onPackets(packets);
      if (done) this.#await(done);
    } catch (error) {
      this.#fail(error);
    }
    return true;
  }

  #await(done: Promise<void>): void {
    this.#busy = done
      .catch((error: unknown) => this.#fail(error))
      .then(() => {
        this.#busy = undefined;
      });
  }

  #fail(cause: unknown): void {
    this.#failure ??= { cause };
    void this.close();
  }

  async #finish(): Promise<ForkFigures> {
    this.#polling?.cancel();
    await this.#parts.halt();
    await this.#patience();
    if (!this.#busy && !this.#failure && this.#deliver(Number.POSITIVE_INFINITY)) await this.#patience();
    const figures = { ...this.read(), abandoned: this.#parts.reader.waiting };
    this.#final = figures;
    this.#parts.onEnded();
    this.#tellEnded({ figures, ...(this.#failure && { failure: this.#failure.cause }) });
    return figures;
  }

  /** Waits until the consumer is free, or for `GRACE_MS`. */
  async #patience(): Promise<void> {
    const busy = this.#busy;
    if (!busy) return;
    await new Promise<void>((resolve) => {
      const limit = this.#parts.scheduler.after(GRACE_MS, resolve);
      void busy.then(() => {
        limit.cancel();
        resolve();
      });
    });
  }
}
