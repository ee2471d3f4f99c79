import type { Random, Scheduler, Timer } from '../../core/index.js';
import type { RemoteDescription, Side } from '../engine.js';
import { RingWriter } from '../fork/index.js';
import { assembleSession } from './assemble.js';
import type { RelayCommand, RelayReport } from './commands.js';
import type { RelaySession } from './session.js';
import { type SocketPair, SocketShelf } from './socket-shelf.js';
import type { BindSocket } from './sockets.js';

export interface RelayHostParts {
  /** The legs' records, one after the other (see layout.ts). */
  readonly counters: ArrayBufferLike;
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly bind: BindSocket;
  readonly report: (report: RelayReport) => void;
}

/** How often each session is looked at, ms. */
const TICK_MS = 250;
/**
 * A round over all sessions is cut into so many parts at most, of so many sessions at least: packets that came meanwhile
 * wait for a part, not for the round.
 */
const TICK_PARTS = 64;
const TICK_SESSIONS = 32;
/** How often a session that plays telephone-events is looked at, ms: half of what its packets are apart. */
const PLAY_MS = 10;

type OpenCommand = Extract<RelayCommand, { kind: 'open' }>;
type PlayCommand = Extract<RelayCommand, { kind: 'play' }>;

interface Running {
  readonly id: number;
  readonly session: RelaySession;
  readonly pairs: Readonly<Record<Side, SocketPair>>;
}

/** Carries out commands in the thread that owns the sockets: a worker's whole program, or a part of the main thread. */
export class RelayHost {
  readonly #parts: RelayHostParts;
  readonly #shelf: SocketShelf;
  readonly #records: Float64Array;
  readonly #running = new Map<number, Running>();
  #ticking: Timer | undefined;
  readonly #playing = new Map<number, Timer>();
  #stopped = false;

  constructor(parts: RelayHostParts) {
    this.#parts = parts;
    this.#records = new Float64Array(parts.counters);
    this.#shelf = new SocketShelf(parts.bind);
  }

  handle(command: RelayCommand): void {
    switch (command.kind) {
      case 'open':
        void this.#open(command);
        return;
      case 'describe':
        this.#describe(command.id, command.side, command.description);
        return;
      case 'fork':
        this.#fork(command);
        return;
      case 'unfork':
        this.#running.get(command.id)?.session.unfork(command.fork);
        this.#parts.report({ kind: 'unforked', fork: command.fork });
        return;
      case 'play':
        this.#play(command);
        return;
      case 'close':
        this.#close(command.id);
        return;
      case 'stop':
        this.#stop();
        return;
    }
  }

  async #open(command: OpenCommand): Promise<void> {
    const taken: SocketPair[] = [];
    for (const side of ['customer', 'remote'] as const) {
      const { address, rtpPort } = command.legs[side];
      try {
        taken.push(await this.#shelf.take(address, rtpPort));
        if (this.#stopped) throw new Error('the relay has stopped');
      } catch (error) {
        for (const pair of taken) this.#shelf.give(pair);
        this.#parts.report({ kind: 'open-failed', id: command.id, side, reason: (error as Error).message });
        return;
      }
    }
    this.#run(command, { customer: taken[0]!, remote: taken[1]! });
  }

  #run({ id, legs, timeoutMs }: OpenCommand, pairs: Running['pairs']): void {
    const { scheduler, random, report } = this.#parts;
    const session = assembleSession({
      records: this.#records,
      scheduler,
      random,
      places: legs,
      pairs,
      timeoutMs,
      tell: (event) => report({ kind: 'event', id, event }),
      onFault: (error) => this.#fault(id, error),
    });
    this.#running.set(id, { id, session, pairs });
    this.#ticking ??= scheduler.after(TICK_MS, () => this.#tick());
    report({ kind: 'opened', id });
  }

  /** Keys that don't fit their suite leave the previous description in force: nothing is sent in the clear instead. */
  #describe(id: number, side: Side, description: RemoteDescription): void {
    const running = this.#running.get(id);
    if (!running) return;
    try {
      running.session.describe(side, withBuffers(description), this.#parts.scheduler.nowMs());
    } catch (error) {
      this.#fault(id, error);
    }
  }

  #fork({ id, fork, side, point, memory, maxQueued }: Extract<RelayCommand, { kind: 'fork' }>): void {
    this.#running.get(id)?.session.fork(side, fork, point, new RingWriter(memory, maxQueued));
  }

  #play({ id, side, event }: PlayCommand): void {
    this.#running.get(id)?.session.play(side, event);
    if (!this.#playing.has(id)) this.#playOn(id);
  }

  #playOn(id: number): void {
    this.#playing.delete(id);
    const session = this.#running.get(id)?.session;
    const { scheduler } = this.#parts;
    try {
      if (session?.playOn(scheduler.nowMs()))
        this.#playing.set(
          id,
          scheduler.after(PLAY_MS, () => this.#playOn(id)),
        );
    } catch (error) {
      this.#fault(id, error);
    }
  }

  #close(id: number): void {
    const running = this.#running.get(id);
    this.#playing.get(id)?.cancel();
    this.#playing.delete(id);
    if (running) {
      this.#running.delete(id);
      this.#shelf.give(running.pairs.customer);
      this.#shelf.give(running.pairs.remote);
      running.session.finish();
    }
    this.#parts.report({ kind: 'closed', id });
  }

  #stop(): void {
    this.#stopped = true;
    for (const id of [...this.#running.keys()]) this.#close(id);
    this.#ticking?.cancel();
    this.#ticking = undefined;
    this.#shelf.clear();
    this.#parts.report({ kind: 'stopped' });
  }

  #tick(): void {
    const count = Math.max(TICK_SESSIONS, Math.ceil(this.#running.size / TICK_PARTS));
    this.#tickSome(this.#running.values(), count, this.#parts.scheduler.nowMs());
  }

  /** The next part of a round; a late one puts off the next round, so that every session has its turn. */
  #tickSome(rest: Iterator<Running>, count: number, startedMs: number): void {
    const { scheduler } = this.#parts;
    const nowMs = scheduler.nowMs();
    for (let left = count; left > 0; left--) {
      const next = rest.next();
      if (next.done) {
        const waitMs = Math.max(0, startedMs + TICK_MS - nowMs);
        this.#ticking = this.#running.size === 0 ? undefined : scheduler.after(waitMs, () => this.#tick());
        return;
      }
      this.#tickOne(next.value, nowMs);
    }
    this.#ticking = scheduler.after(0, () => this.#tickSome(rest, count, startedMs));
  }

  #tickOne({ id, session }: Running, nowMs: number): void {
    try {
      session.onTick(nowMs);
    } catch (error) {
      this.#fault(id, error);
    }
  }

  #fault(id: number, error: unknown): void {
    this.#parts.report({ kind: 'fault', id, reason: String(error instanceof Error ? error.stack : error) });
  }
}

/** Between threads a Buffer arrives as a plain Uint8Array. */
function withBuffers(description: RemoteDescription): RemoteDescription {
  const { srtp } = description;
  if (!srtp) return description;
  return {
    ...description,
    srtp: {
      receive: { suite: srtp.receive.suite, key: Buffer.from(srtp.receive.key) },
      send: { suite: srtp.send.suite, key: Buffer.from(srtp.send.key) },
    },
  };
}
