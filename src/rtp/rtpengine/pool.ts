import type { Logger, Random, Scheduler, Timer } from '../../core/index.js';
import { listOf, mapOf, numberOf } from './bencode.js';
import { type NgAddress, NgClient } from './ng-client.js';

/**
 * The daemons: which are alive, how many ports each has, and which the next session goes to.
 *
 *     up ──2 pings, or 1 request, unanswered──► down ──1 ping answered──► up
 */
export interface DaemonOptions extends NgAddress {
  /** Share of the sessions in relation to the others; default 1, 0: only when no other is up. */
  readonly weight?: number;
}

const PING_MS = 5000;
const PING_DOWN_MS = 1000;
const MISSES = 2;
/** Ports of a daemon that does not say: room for admission, and plainly no true figure. */
const UNTOLD_PORTS = 1000;

export class Daemon {
  readonly client: NgClient;
  readonly weight: number;
  up = false;
  portsFree = 0;
  sessions = 0;
  misses = 0;
  timer: Timer | undefined;

  constructor(client: NgClient, weight: number) {
    this.client = client;
    this.weight = weight;
  }

  get name(): string {
    return `${this.client.address.host}:${this.client.address.port}`;
  }
}

export class DaemonPool {
  readonly daemons: readonly Daemon[];
  readonly #scheduler: Scheduler;
  readonly #random: Random;
  readonly #logger: Logger;
  #running = false;

  constructor(options: readonly DaemonOptions[], scheduler: Scheduler, random: Random, logger: Logger) {
    this.daemons = options.map(
      (option) => new Daemon(new NgClient(option, scheduler, random), Math.max(0, option.weight ?? 1)),
    );
    this.#scheduler = scheduler;
    this.#random = random;
    this.#logger = logger;
  }

  /** Asks every daemon once; resolves when each has answered or failed to. */
  async start(): Promise<void> {
    this.#running = true;
    for (const { client } of this.daemons) client.open();
    await Promise.all(this.daemons.map((daemon) => this.#ping(daemon)));
  }

  stop(): void {
    this.#running = false;
    for (const { client, timer } of this.daemons) {
      timer?.cancel();
      client.close();
    }
  }

  /** Daemons for the next session, best first: those up by a weighted draw without replacement. */
  order(): Daemon[] {
    const left = this.daemons.filter(({ up }) => up);
    const ordered: Daemon[] = [];
    while (left.length > 0) ordered.push(left.splice(this.#draw(left), 1)[0]!);
    return ordered;
  }

  /** A request to a daemon stayed unanswered. */
  failed(daemon: Daemon): void {
    daemon.misses = MISSES;
    this.#judge(daemon);
  }

  #draw(candidates: readonly Daemon[]): number {
    const total = candidates.reduce((sum, { weight }) => sum + weight, 0);
    if (total === 0) return 0;
    let point = (this.#random.uint32() / 2 ** 32) * total;
    const index = candidates.findIndex(({ weight }) => {
      point -= weight;
      return point < 0;
    });
    return Math.max(0, index);
  }

  async #ping(daemon: Daemon): Promise<void> {
    try {
      await daemon.client.request('ping');
      daemon.misses = 0;
      daemon.portsFree = await freePorts(daemon);
    } catch {
      daemon.misses++;
    }
    if (!this.#running) return;
    this.#judge(daemon);
    daemon.timer = this.#scheduler.after(daemon.up ? PING_MS : PING_DOWN_MS, () => void this.#ping(daemon));
  }

  #judge(daemon: Daemon): void {
    const up = daemon.misses === 0 || (daemon.up && daemon.misses < MISSES);
    if (up === daemon.up) return;
    daemon.up = up;
    this.#logger.warn({ daemon: daemon.name, sessions: daemon.sessions }, up ? 'rtpengine is up' : 'rtpengine is down');
  }
}

/** Ports that the daemon's interfaces have left, as its statistics tell. */
async function freePorts({ client }: Daemon): Promise<number> {
  const { statistics } = await client.request('statistics');
  const told = listOf(mapOf(statistics).interfaces).map((one) => numberOf(mapOf(mapOf(one).ports).free));
  return told.some((free) => free !== undefined)
    ? told.reduce<number>((sum, free) => sum + (free ?? 0), 0)
    : UNTOLD_PORTS;
}
