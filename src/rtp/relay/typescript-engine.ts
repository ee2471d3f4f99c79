import { isIP } from 'node:net';
import { GatewayError, type Logger, type Random, type Scheduler } from '../../core/index.js';
import type { EngineHealth, LocalPorts, MediaEngine, MediaSession, SessionOrder, Side } from '../engine.js';
import { ForkMemoryPool } from '../fork/index.js';
import type { LegPlace } from './commands.js';
import { EngineSession } from './engine-session.js';
import type { PlayedEvent } from './event-player.js';
import { LEG_BYTES, legRecord } from './layout.js';
import { PortPool, pairCount } from './port-pool.js';
import { Shard } from './shard.js';
import type { BindSocket } from './sockets.js';
import { type RelayThread, type RelayThreadParts, startInline, startWorker } from './thread.js';

export interface TypescriptEngineOptions {
  /** Local addresses to bind, the first is the default; at most one IPv4 and one IPv6 address. */
  readonly listen: readonly string[];
  /** Addresses to write in SDP in place of those of the same IP version. */
  readonly advertise?: readonly string[];
  /** UDP ports, first and last inclusive; RTP takes the even ones. */
  readonly ports: { readonly first: number; readonly last: number };
  /** Threads that carry packets; 0: the calling thread does (tests, and the bare engine of a bench). Default 1. */
  readonly workers?: number;
  /** Idle time of a port pair before reuse, seconds. Default 30. */
  readonly quarantineSeconds?: number;
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly logger: Logger;
  /** Starts the threads in another way than as workers; `index` counts them from 0. */
  readonly startThread?: (parts: RelayThreadParts, index: number) => RelayThread;
  /** Sockets for `workers: 0`; default the machine's. */
  readonly bind?: BindSocket;
}

/** An address listened on, and what SDP calls it. */
interface Listener {
  readonly address: string;
  readonly advertised: string;
  readonly family: 4 | 6;
  /** First slot of its pairs in the shared memory */
  readonly firstSlot: number;
}

/** A port pair that was taken. */
interface Place {
  readonly pool: PortPool;
  readonly index: number;
  readonly leg: LegPlace;
  readonly ports: LocalPorts;
}

/** Another process may hold a port of ours: so many other pairs are tried. */
const OPEN_TRIES = 64;
const DEFAULT_QUARANTINE_SECONDS = 30;
/** A thread that died is started again after this, ms. */
const RESTART_MS = 1000;

/**
 * The media engine in TypeScript: complete, the reference for the others, and what runs where nothing compiled does.
 *
 *     call ──open, describe, close──► engine ──commands──► shard 0: worker: sockets, latches, statistics
 *          ◄──────── events ──────── (ports) ◄─reports──── shard 1: …
 *          ◄── read ── quality/figures ◄═══ shared memory ═══╯
 */
export class TypescriptEngine implements MediaEngine {
  readonly name = 'typescript';
  readonly #options: TypescriptEngineOptions;
  readonly #listeners: readonly Listener[];
  readonly #firstPort: number;
  readonly #counters: SharedArrayBuffer;
  readonly #shards: readonly Shard[];
  /** By shard, then by listener. */
  readonly #pools: readonly (readonly PortPool[])[];
  readonly #droppedBefore: Record<string, number> = {};
  #nextId = 1;
  #nextFork = 1;
  readonly #forkMemories = new ForkMemoryPool();
  #running = false;

  constructor(options: TypescriptEngineOptions) {
    this.#options = options;
    const { first, last } = options.ports;
    const pairs = pairCount(first, last);
    this.#firstPort = first + (first & 1);
    this.#listeners = options.listen.map((address, index) => listenerOf(address, options.advertise, index * pairs));
    this.#counters = new SharedArrayBuffer(Math.max(1, pairs * this.#listeners.length) * LEG_BYTES);
    const shardCount = Math.max(1, options.workers ?? 1);
    this.#shards = Array.from({ length: shardCount }, () => new Shard(options.logger));
    this.#pools = this.#shards.map((_, shard) => this.#listeners.map(() => this.#poolOf(shard, shardCount, pairs)));
  }

  async start(): Promise<void> {
    this.#running = true;
    await Promise.all(this.#shards.map((shard) => this.#launch(shard)));
  }

  async stop(): Promise<void> {
    this.#running = false;
    const sessions = this.#shards.flatMap((shard) => [...shard.sessions.values()]);
    await Promise.all(sessions.map((session) => session.close()));
    await Promise.all(this.#shards.map((shard) => shard.stop()));
  }

  async open(order: SessionOrder): Promise<MediaSession> {
    let cause: unknown;
    for (let attempt = 0; attempt < OPEN_TRIES; attempt++) {
      const shardIndex = this.#leastLoaded(order);
      if (shardIndex === undefined) break;
      const shard = this.#shards[shardIndex]!;
      const places = this.#takeBoth(shardIndex, order)!;
      const id = this.#nextId++;
      const legs = { customer: places.customer.leg, remote: places.remote.leg };
      try {
        await shard.open(id, legs, order.timeoutSeconds * 1000);
        return this.#session(shard, id, order, places);
      } catch (error) {
        cause = error;
        this.#options.logger.warn(
          { err: error, customer: legs.customer, remote: legs.remote },
          'media ports not bound',
        );
        giveBack(places);
      }
    }
    throw noPort(cause);
  }

  health(): EngineHealth {
    const pools = this.#pools.flat();
    const dropped = { ...this.#droppedBefore };
    let sessions = 0;
    for (const shard of this.#shards) {
      sessions += shard.sessions.size;
      for (const session of shard.sessions.values()) for (const counts of session.dropped()) addCounts(dropped, counts);
    }
    const sum = (value: (pool: PortPool) => number): number =>
      pools.reduce((total, pool) => total + 2 * value(pool), 0);
    return {
      sessions,
      portsInUse: sum((pool) => pool.inUse),
      portsQuarantined: sum((pool) => pool.quarantined),
      portsFree: sum((pool) => pool.free),
      dropped,
    };
  }

  get portsFree(): number {
    let free = 0;
    for (const pools of this.#pools) for (const pool of pools) free += 2 * pool.free;
    return free;
  }

  #launch(shard: Shard): Promise<void> {
    const { scheduler, random, workers, bind, startThread } = this.#options;
    return shard.start((onReport, died) => {
      const onDeath = (error: Error): void => {
        died(error);
        this.#restartLater(shard);
      };
      const parts = { counters: this.#counters, scheduler, onReport, onDeath };
      if (startThread) return startThread(parts, this.#shards.indexOf(shard));
      return workers === 0 ? startInline(parts, random, bind) : startWorker(parts);
    });
  }

  #restartLater(shard: Shard): void {
    if (!this.#running) return;
    this.#options.scheduler.after(RESTART_MS, () => {
      if (!this.#running) return;
      this.#launch(shard).catch((error: unknown) => {
        this.#options.logger.error({ err: error }, 'media thread not restarted');
      });
    });
  }

  #poolOf(shard: number, shards: number, pairs: number): PortPool {
    const { quarantineSeconds = DEFAULT_QUARANTINE_SECONDS, scheduler, random } = this.#options;
    const indexes = Array.from({ length: pairs }, (_, index) => index).filter((index) => index % shards === shard);
    return new PortPool(indexes, quarantineSeconds * 1000, scheduler, random);
  }

  /** The running shard with the fewest sessions that has room for both legs. */
  #leastLoaded(order: SessionOrder): number | undefined {
    let best: number | undefined;
    this.#shards.forEach((shard, index) => {
      if (!shard.alive || !this.#hasRoom(index, order)) return;
      if (best === undefined || shard.sessions.size < this.#shards[best]!.sessions.size) best = index;
    });
    return best;
  }

  #hasRoom(shard: number, order: SessionOrder): boolean {
    const customer = this.#listenerFor(order, 'customer');
    const remote = this.#listenerFor(order, 'remote');
    const pools = this.#pools[shard]!;
    if (customer < 0 || remote < 0) return false;
    return customer === remote ? pools[customer]!.free >= 2 : pools[customer]!.free >= 1 && pools[remote]!.free >= 1;
  }

  /** Where a stream of our own begins (RFC 3550 §5.1: at random). */
  #freshStream(): Pick<PlayedEvent, 'ssrc' | 'sequence' | 'timestamp'> {
    const { random } = this.#options;
    return { ssrc: random.uint32(), sequence: random.uint32() & 0xffff, timestamp: random.uint32() };
  }

  #listenerFor(order: SessionOrder, side: Side): number {
    const family = order.addressFamily?.[side];
    return family === undefined ? 0 : this.#listeners.findIndex((listener) => listener.family === family);
  }

  #takeBoth(shard: number, order: SessionOrder): Readonly<Record<Side, Place>> {
    return { customer: this.#take(shard, order, 'customer'), remote: this.#take(shard, order, 'remote') };
  }

  #take(shard: number, order: SessionOrder, side: Side): Place {
    const number = this.#listenerFor(order, side);
    const listener = this.#listeners[number]!;
    const pool = this.#pools[shard]![number]!;
    const index = pool.take()!;
    const rtpPort = this.#firstPort + 2 * index;
    return {
      pool,
      index,
      leg: { slot: listener.firstSlot + index, address: listener.address, rtpPort },
      ports: { address: listener.advertised, rtpPort, rtcpPort: rtpPort + 1 },
    };
  }

  #session(shard: Shard, id: number, order: SessionOrder, places: Readonly<Record<Side, Place>>): EngineSession {
    const session = new EngineSession({
      order,
      ports: { customer: places.customer.ports, remote: places.remote.ports },
      records: {
        customer: legRecord(this.#counters, places.customer.leg.slot),
        remote: legRecord(this.#counters, places.remote.leg.slot),
      },
      describe: (side, description) => shard.describe(id, side, description),
      forkPath: {
        scheduler: this.#options.scheduler,
        memories: this.#forkMemories,
        fork: (side, point, memory, maxQueued) => {
          const fork = this.#nextFork++;
          shard.fork(id, fork, side, point, memory, maxQueued);
          return () => shard.unfork(id, fork);
        },
      },
      play: (side, event, durationMs) => shard.play(id, side, { event, durationMs, ...this.#freshStream() }),
      halt: () => shard.close(id),
      release: (dropped) => {
        shard.sessions.delete(id);
        for (const counts of dropped) addCounts(this.#droppedBefore, counts);
        giveBack(places);
      },
    });
    shard.sessions.set(id, session);
    return session;
  }
}

function listenerOf(address: string, advertise: readonly string[] | undefined, firstSlot: number): Listener {
  const family = isIP(address) === 6 ? 6 : 4;
  const advertised = advertise?.find((candidate) => (isIP(candidate) === 6 ? 6 : 4) === family) ?? address;
  return { address, advertised, family, firstSlot };
}

function giveBack(places: Readonly<Record<Side, Place>>): void {
  for (const { pool, index } of [places.customer, places.remote]) pool.give(index);
}

function addCounts(into: Record<string, number>, counts: Readonly<Record<string, number>>): void {
  for (const [reason, count] of Object.entries(counts)) into[reason] = (into[reason] ?? 0) + count;
}

const noPort = (cause: unknown): GatewayError =>
  new GatewayError('media.no-port', 'No media port pair is free.', {
    origin: 'local',
    sipStatus: 503,
    ...(cause !== undefined && { cause }),
  });
