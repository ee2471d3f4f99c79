import { GatewayError, type Scheduler } from '../../core/index.js';
import type { ForkOrder, ForkPoint, LocalPorts, MediaFork, Side } from '../engine.js';
import { DEFAULT_QUEUED, type ForkMemoryPool, MAX_QUEUED, RingFork, RingReader } from '../fork/index.js';

/** The packet path, as forks need it. */
export interface ForkPath {
  /** Starts to fill the memory; returns how to stop it, which resolves when it stands still. */
  readonly fork: (side: Side, point: ForkPoint, memory: SharedArrayBuffer, maxQueued: number) => () => Promise<void>;
  readonly memories: ForkMemoryPool;
  readonly scheduler: Scheduler;
}

const MAX_FORKS = 8;

/** The forks of one session: opened here, closed by their consumers or with the session. */
export class SessionForks {
  readonly #path: ForkPath;
  readonly #ports: Readonly<Record<Side, LocalPorts>>;
  readonly #open = new Set<RingFork>();
  /** The session has closed: resolves when its packet path stands still. */
  #halted: Promise<void> | undefined;

  constructor(path: ForkPath, ports: Readonly<Record<Side, LocalPorts>>) {
    this.#path = path;
    this.#ports = ports;
  }

  /** @throws GatewayError `media.fork-limit`, `media.fork-closed`; RangeError for a queue of no such length */
  open(order: ForkOrder): MediaFork {
    const { side, point, maxQueued = DEFAULT_QUEUED } = order;
    if (this.#halted) throw refused('media.fork-closed', 'The media session has closed');
    if (this.#open.size >= MAX_FORKS) throw refused('media.fork-limit', `A session has ${MAX_FORKS} forks at most`);
    if (!Number.isInteger(maxQueued) || maxQueued < 1 || maxQueued > MAX_QUEUED) {
      throw new RangeError(`maxQueued must be a whole number from 1 to ${MAX_QUEUED}`);
    }
    const memory = this.#path.memories.take(maxQueued);
    const stop = this.#path.fork(side, point, memory, maxQueued);
    const fork: RingFork = new RingFork({
      order,
      reader: new RingReader(memory, maxQueued, this.#ports[side].rtpPort),
      scheduler: this.#path.scheduler,
      halt: () => this.#halted ?? stop(),
      onEnded: () => {
        this.#open.delete(fork);
        this.#path.memories.give(memory);
      },
    });
    this.#open.add(fork);
    return fork;
  }

  /** Closes every fork once the packet path stands still; their consumers hold nobody up. */
  closeAll(halted: Promise<void>): void {
    this.#halted = halted;
    for (const fork of this.#open) void fork.close();
  }
}

const refused = (code: string, message: string): GatewayError => new GatewayError(code, message, { origin: 'local' });
