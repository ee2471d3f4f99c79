import type { Random, Scheduler } from '../core/index.js';
import type { AgentHost } from './agent/index.js';
import type { Network } from './network/index.js';
import { Dice } from './shape/index.js';
import type { Tally } from './tally.js';

/** Mean time between two troubles. */
const MEAN_GAP_MS = 3000;

/** What befalls hosts and connections, whatever calls they carry, as long as calls begin. */
export class Troubles {
  readonly #time: Scheduler;
  readonly #dice: Dice;
  readonly #tally: Tally;
  readonly #network: Network;
  readonly #hosts: readonly AgentHost[];
  #on = true;

  constructor(parts: {
    time: Scheduler;
    random: Random;
    tally: Tally;
    network: Network;
    hosts: readonly AgentHost[];
  }) {
    this.#time = parts.time;
    this.#dice = new Dice(parts.random);
    this.#tally = parts.tally;
    this.#network = parts.network;
    this.#hosts = parts.hosts;
  }

  start(): void {
    this.#time.after(this.#dice.exponential(MEAN_GAP_MS, 20 * MEAN_GAP_MS), () => {
      if (!this.#on) return;
      this.#befall();
      this.start();
    });
  }

  stop(): void {
    this.#on = false;
  }

  #befall(): void {
    const dice = this.#dice;
    const host = dice.one(this.#hosts);
    switch (dice.weighted({ reset: 40, vanish: 20, restart: 10, disappear: 8, slow: 22 })) {
      case 'reset':
        return this.#breakConnection((connection) => connection.reset(), 'connection reset');
      case 'vanish':
        return this.#breakConnection(
          (connection) => connection.vanish(dice.between(500, 30_000)),
          'connection half-open',
        );
      case 'restart':
        this.#tally.add('host restarts');
        return host.restart();
      case 'disappear':
        if (host.down) return;
        this.#tally.add('host off the network');
        return host.disappear(dice.between(1000, 40_000));
      case 'slow':
        if (host.slow) return;
        this.#tally.add('host slow');
        return host.slowDown(dice.between(200, 6000), dice.between(1000, 15_000));
    }
  }

  #breakConnection(
    how: (connection: Network['connections'] extends Set<infer C> ? C : never) => void,
    name: string,
  ): void {
    const open = [...this.#network.connections];
    if (open.length === 0) return;
    this.#tally.add(name);
    how(this.#dice.one(open));
  }
}
