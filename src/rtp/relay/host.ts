import { isIP } from 'node:net';
import type { Scheduler, Timer } from '../../core/index.js';
import type { MediaEvent, Side } from '../engine.js';
import type { LegPlace, RelayCommand, RelayReport } from './commands.js';
import { clearRecord, DROP, legRecord } from './layout.js';
import { RelayLeg } from './leg.js';
import { Outlet } from './outlet.js';
import { RelaySession } from './session.js';
import { type PairUser, type SocketPair, SocketShelf } from './socket-shelf.js';
import type { BindSocket } from './sockets.js';

export interface RelayHostParts {
  /** The legs' records, one after the other (see layout.ts). */
  readonly counters: ArrayBufferLike;
  readonly scheduler: Scheduler;
  readonly bind: BindSocket;
  readonly report: (report: RelayReport) => void;
}

/** How often each session is looked at, ms. */
const TICK_MS = 1000;

interface Running {
  readonly session: RelaySession;
  readonly pairs: readonly SocketPair[];
}

/** Carries out commands in the thread that owns the sockets: a worker's whole program, or a part of the main thread. */
export class RelayHost {
  readonly #parts: RelayHostParts;
  readonly #shelf: SocketShelf;
  readonly #running = new Map<number, Running>();
  #ticking: Timer | undefined;

  constructor(parts: RelayHostParts) {
    this.#parts = parts;
    this.#shelf = new SocketShelf(parts.bind);
  }

  handle(command: RelayCommand): void {
    switch (command.kind) {
      case 'open':
        void this.#open(command);
        return;
      case 'describe':
        this.#running
          .get(command.id)
          ?.session.describe(command.side, command.description, this.#parts.scheduler.nowMs());
        return;
      case 'close':
        this.#close(command.id);
        return;
      case 'stop':
        this.#stop();
        return;
    }
  }

  async #open(command: Extract<RelayCommand, { kind: 'open' }>): Promise<void> {
    const { id, legs } = command;
    const pairs: SocketPair[] = [];
    for (const side of ['customer', 'remote'] as const) {
      try {
        pairs.push(await this.#shelf.take(legs[side].address, legs[side].rtpPort));
      } catch (error) {
        for (const pair of pairs) this.#shelf.give(pair);
        this.#parts.report({ kind: 'open-failed', id, side, reason: String((error as Error).message) });
        return;
      }
    }
    this.#running.set(id, { session: this.#join(command, pairs[0]!, pairs[1]!), pairs });
    this.#ticking ??= this.#parts.scheduler.after(TICK_MS, () => this.#tick());
    this.#parts.report({ kind: 'opened', id });
  }

  #join(command: Extract<RelayCommand, { kind: 'open' }>, customer: SocketPair, remote: SocketPair): RelaySession {
    const tell = (event: MediaEvent): void => this.#parts.report({ kind: 'event', id: command.id, event });
    const leg = (side: Side, place: LegPlace, pair: SocketPair): RelayLeg => {
      const record = legRecord(this.#parts.counters, place.slot);
      clearRecord(record);
      const outlet = new Outlet(record, pair.rtp, pair.rtcp, isIP(place.address) === 6 ? 6 : 4);
      const made = new RelayLeg(side, record, outlet, this.#parts.scheduler, tell);
      pair.user = this.#guarded(command.id, made, record);
      return made;
    };
    const { legs, timeoutMs } = command;
    return new RelaySession(
      leg('customer', legs.customer, customer),
      leg('remote', legs.remote, remote),
      timeoutMs,
      tell,
    );
  }

  /** A broken invariant costs the packet, is counted and told; it never reaches the event loop. */
  #guarded(id: number, leg: RelayLeg, record: Float64Array): PairUser {
    const fault = (error: unknown): void => {
      record[DROP.internal]!++;
      this.#parts.report({ kind: 'fault', id, reason: String(error instanceof Error ? error.stack : error) });
    };
    return {
      onRtp: (datagram, address, port) => {
        try {
          leg.onRtpPort(datagram, address, port);
        } catch (error) {
          fault(error);
        }
      },
      onRtcp: (datagram, address, port) => {
        try {
          leg.onRtcpPort(datagram, address, port);
        } catch (error) {
          fault(error);
        }
      },
    };
  }

  #close(id: number): void {
    const running = this.#running.get(id);
    if (running) {
      this.#running.delete(id);
      for (const pair of running.pairs) this.#shelf.give(pair);
      running.session.finish();
    }
    this.#parts.report({ kind: 'closed', id });
  }

  #stop(): void {
    for (const id of [...this.#running.keys()]) this.#close(id);
    this.#ticking?.cancel();
    this.#ticking = undefined;
    this.#shelf.clear();
    this.#parts.report({ kind: 'stopped' });
  }

  #tick(): void {
    const nowMs = this.#parts.scheduler.nowMs();
    for (const { session } of this.#running.values()) session.onTick(nowMs);
    this.#ticking = this.#running.size === 0 ? undefined : this.#parts.scheduler.after(TICK_MS, () => this.#tick());
  }
}
