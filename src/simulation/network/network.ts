import type { Random, Scheduler } from '../../core/index.js';
import type { Tally } from '../tally.js';
import type { WireLog } from '../wire-log.js';
import type { Connection } from './connection.js';
import { NetworkHost } from './host.js';
import { Link, PERFECT_LINK } from './link.js';

/**
 * A network in virtual time between the gateway and its peers. Datagrams are lost, delayed, doubled and overtaken;
 * connections keep order but break, with or without a word; hosts go down, come back, or become slow.
 *
 *     host ── udp flow ──► lost? ─► delay + jitter (+ copy) ─► lag of the receiver ─► its WireReceiver
 *          ── connection ─► in order ─► broken? ────────────┘
 */
export class Network {
  readonly time: Scheduler;
  readonly random: Random;
  readonly log: WireLog;
  readonly tally: Tally;
  readonly connections = new Set<Connection>();
  /** The way to addresses where nobody is. */
  readonly nowhere: Link;
  readonly #hosts = new Map<string, NetworkHost>();
  #nextPort = 20_000;

  constructor(parts: { time: Scheduler; random: Random; log: WireLog; tally: Tally }) {
    this.time = parts.time;
    this.random = parts.random;
    this.log = parts.log;
    this.tally = parts.tally;
    this.nowhere = new Link(PERFECT_LINK, parts.random);
  }

  /** Adds a host; SIP is spoken at port 5060 over every transport. @param link left out for the gateway */
  add(address: string, link?: Link): NetworkHost {
    const host = new NetworkHost(this, { address, port: 5060 }, link);
    this.#hosts.set(address, host);
    return host;
  }

  at(address: string): NetworkHost | undefined {
    return this.#hosts.get(address);
  }

  /** A port for the near end of a new connection. */
  nextPort(): number {
    this.#nextPort = this.#nextPort === 60_000 ? 20_000 : this.#nextPort + 1;
    return this.#nextPort;
  }
}
