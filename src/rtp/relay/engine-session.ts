import type {
  ForkOrder,
  LocalPorts,
  MediaEvent,
  MediaFork,
  MediaSession,
  RemoteDescription,
  SessionFigures,
  SessionOrder,
  Side,
} from '../engine.js';
import { LegReader } from '../quality/figures.js';
import type { Endpoint } from './address.js';
import { type ForkPath, SessionForks } from './session-forks.js';

/** What a session needs of the engine that opened it. */
export interface SessionParts {
  readonly order: SessionOrder;
  readonly ports: Readonly<Record<Side, LocalPorts>>;
  readonly records: Readonly<Record<Side, Float64Array>>;
  readonly describe: (side: Side, description: RemoteDescription) => void;
  readonly forkPath: ForkPath;
  readonly play: (side: Side, event: number, durationMs: number) => void;
  /** Stops the packet path; resolves when no counter changes any more. */
  readonly halt: () => Promise<void>;
  /** The records and ports are no longer needed; `dropped` are the final counts of both legs. */
  readonly release: (dropped: readonly Readonly<Record<string, number>>[]) => void;
}

/** A session as the call layer holds it: commands go to the packet path's thread, figures come from shared memory. */
export class EngineSession implements MediaSession {
  readonly id: string;
  readonly customer: LocalPorts;
  readonly remote: LocalPorts;
  readonly #parts: SessionParts;
  readonly #readers: Readonly<Record<Side, LegReader>>;
  readonly #forks: SessionForks;
  readonly #latched: Partial<Record<Side, Endpoint>> = {};
  #closing: Promise<SessionFigures> | undefined;

  constructor(parts: SessionParts) {
    this.id = parts.order.id;
    this.customer = parts.ports.customer;
    this.remote = parts.ports.remote;
    this.#parts = parts;
    this.#forks = new SessionForks(parts.forkPath, parts.ports);
    this.#readers = { customer: new LegReader(parts.records.customer), remote: new LegReader(parts.records.remote) };
  }

  describe(side: Side, description: RemoteDescription): void {
    if (!this.#closing) this.#parts.describe(side, description);
  }

  readonly interworksEvents = true;

  playEvent(side: Side, event: number, durationMs: number): void {
    if (!this.#closing) this.#parts.play(side, event, durationMs);
  }

  /** After `close` these are the final figures, whatever the ports are used for by then. */
  async read(closeInterval: boolean): Promise<SessionFigures> {
    return this.#closing ?? this.#figures(closeInterval);
  }

  fork(order: ForkOrder): MediaFork {
    return this.#forks.open(order);
  }

  close(): Promise<SessionFigures> {
    this.#closing ??= this.#finish();
    return this.#closing;
  }

  /** The packet path tells something. */
  onEvent(event: MediaEvent): void {
    if (event.kind === 'latched') this.#latched[event.side] = { address: event.address, port: event.port };
    this.#parts.order.onEvent(event);
  }

  /** Dropped so far, of both legs. */
  dropped(): readonly Readonly<Record<string, number>>[] {
    return [this.#readers.customer.dropped(), this.#readers.remote.dropped()];
  }

  async #finish(): Promise<SessionFigures> {
    const halted = this.#parts.halt();
    this.#forks.closeAll(halted);
    await halted;
    const figures = this.#figures(true);
    this.#parts.release([figures.customer.received.dropped, figures.remote.received.dropped]);
    return figures;
  }

  #figures(closeInterval: boolean): SessionFigures {
    return {
      customer: this.#readers.customer.read(closeInterval, this.#latched.customer),
      remote: this.#readers.remote.read(closeInterval, this.#latched.remote),
    };
  }
}
