import { GatewayError, type Logger } from '../../core/index.js';
import type { ForkPoint, RemoteDescription, Side } from '../engine.js';
import type { LegPlace, RelayReport } from './commands.js';
import type { EngineSession } from './engine-session.js';
import type { PlayedEvent } from './event-player.js';
import type { RelayThread } from './thread.js';

interface Deferred {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/**
 * One relay thread as seen from the engine: sends commands, pairs their answers with whoever waits, hands events to
 * sessions, and ends the sessions loudly when the thread dies.
 */
export class Shard {
  readonly sessions = new Map<number, EngineSession>();
  readonly #logger: Logger;
  readonly #opening = new Map<number, Deferred>();
  readonly #closing = new Map<number, () => void>();
  readonly #unforking = new Map<number, () => void>();
  #thread: RelayThread | undefined;
  #ready: Deferred | undefined;
  #stopped: (() => void) | undefined;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  get alive(): boolean {
    return this.#thread !== undefined;
  }

  /** Takes on a thread; resolves when it runs. */
  start(
    launch: (onReport: (report: RelayReport) => void, onDeath: (error: Error) => void) => RelayThread,
  ): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#ready = { resolve, reject };
      this.#thread = launch(
        (report) => this.#onReport(report),
        (error) => this.#onDeath(error),
      );
    });
  }

  /** Binds both legs; rejects when a port can't be bound or the thread is gone. */
  open(id: number, legs: Readonly<Record<Side, LegPlace>>, timeoutMs: number): Promise<void> {
    const thread = this.#thread;
    if (!thread) return Promise.reject(threadGone());
    return new Promise((resolve, reject) => {
      this.#opening.set(id, { resolve, reject });
      thread.post({ kind: 'open', id, legs, timeoutMs });
    });
  }

  describe(id: number, side: Side, description: RemoteDescription): void {
    this.#thread?.post({ kind: 'describe', id, side, description });
  }

  /** Starts to fill a fork's memory. */
  fork(id: number, fork: number, side: Side, point: ForkPoint, memory: SharedArrayBuffer, maxQueued: number): void {
    this.#thread?.post({ kind: 'fork', id, fork, side, point, memory, maxQueued });
  }

  /** Resolves when the fork's memory stands still; at once when the thread is gone. */
  unfork(id: number, fork: number): Promise<void> {
    const thread = this.#thread;
    if (!thread) return Promise.resolve();
    return new Promise((resolve) => {
      this.#unforking.set(fork, resolve);
      thread.post({ kind: 'unfork', id, fork });
    });
  }

  play(id: number, side: Side, event: PlayedEvent): void {
    this.#thread?.post({ kind: 'play', id, side, event });
  }

  /** Resolves when the session's counters stand still; at once when the thread is gone. */
  close(id: number): Promise<void> {
    const thread = this.#thread;
    if (!thread) return Promise.resolve();
    return new Promise((resolve) => {
      this.#closing.set(id, resolve);
      thread.post({ kind: 'close', id });
    });
  }

  /** Closes every socket and ends the thread. */
  async stop(): Promise<void> {
    const thread = this.#thread;
    if (!thread) return;
    await new Promise<void>((resolve) => {
      this.#stopped = resolve;
      thread.post({ kind: 'stop' });
    });
    this.#thread = undefined;
    await thread.end();
  }

  #onReport(report: RelayReport): void {
    switch (report.kind) {
      case 'ready':
        this.#ready?.resolve();
        return;
      case 'opened':
        this.#settleOpening(report.id)?.resolve();
        return;
      case 'open-failed':
        this.#settleOpening(report.id)?.reject(new Error(report.reason));
        return;
      case 'event':
        this.sessions.get(report.id)?.onEvent(report.event);
        return;
      case 'closed':
        this.#settleClosing(report.id);
        return;
      case 'unforked':
        this.#settleUnforking(report.fork);
        return;
      case 'fault':
        this.#logger.error(
          { session: this.sessions.get(report.id)?.id, reason: report.reason },
          'media packet path fault',
        );
        return;
      case 'stopped':
        this.#stopped?.();
        return;
    }
  }

  #settleOpening(id: number): Deferred | undefined {
    const waiting = this.#opening.get(id);
    this.#opening.delete(id);
    return waiting;
  }

  #settleClosing(id: number): void {
    this.#closing.get(id)?.();
    this.#closing.delete(id);
  }

  #settleUnforking(fork: number): void {
    this.#unforking.get(fork)?.();
    this.#unforking.delete(fork);
  }

  /** Media of these calls is gone for good: each side is told as silent, which ends the call. */
  #onDeath(error: Error): void {
    this.#thread = undefined;
    this.#logger.error({ err: error, sessions: this.sessions.size }, 'media thread died');
    this.#ready?.reject(error);
    for (const waiting of this.#opening.values()) waiting.reject(threadGone(error));
    this.#opening.clear();
    for (const id of [...this.#closing.keys()]) this.#settleClosing(id);
    for (const fork of [...this.#unforking.keys()]) this.#settleUnforking(fork);
    this.#stopped?.();
    for (const session of [...this.sessions.values()]) {
      session.onEvent({ kind: 'timeout', side: 'customer' });
      session.onEvent({ kind: 'timeout', side: 'remote' });
    }
  }
}

const threadGone = (cause?: Error): GatewayError =>
  new GatewayError('media.thread-gone', 'The media thread is not running.', {
    origin: 'internal',
    sipStatus: 503,
    ...(cause && { cause }),
  });
