import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Counter, Gauge } from 'prom-client';
import type { Counters } from '../core/index.js';
import type { EngineHealth } from '../rtp/index.js';
import type { OpenMetricsRegistry } from './server.js';

/** What the node's own series are read from, at each scrape. */
export interface NodeSources {
  readonly counters: Counters;
  readonly media: () => EngineHealth;
  /** Gauges by name (without prefix) and help: calls, records queued, journal lines, … */
  readonly gauges: readonly { readonly name: string; readonly help: string; readonly read: () => number }[];
  /** State of each target by key: 1 up, 0.5 half-open, 0 down. */
  readonly targets: () => Iterable<readonly [key: string, state: number]>;
}

/**
 * The node's own health as `trunkline_*` series, read when scraped; hot paths only increment plain counters.
 * Every counter of `Counters` appears as `trunkline_<name>_total{reason}`.
 */
export function registerNodeMetrics(registry: OpenMetricsRegistry, sources: NodeSources): void {
  const registers = [registry];
  registerMedia(registry, sources.media);
  registerLag(registry);
  for (const { name, help, read } of sources.gauges) {
    new Gauge({
      name: `trunkline_${name}`,
      help,
      registers,
      collect() {
        this.set(read());
      },
    });
  }
  new Gauge({
    name: 'trunkline_target_up',
    help: 'State of a route or carrier host: 1 up, 0.5 half-open, 0 down',
    labelNames: ['target'],
    registers,
    collect() {
      this.reset();
      for (const [target, state] of sources.targets()) this.set({ target }, state);
    },
  });
}

/** Text of every plain counter, as its own Prometheus counters; called before each scrape. */
export class PlainCounters {
  readonly #registry: OpenMetricsRegistry;
  readonly #counters: Counters;
  readonly #series = new Map<string, Counter>();

  constructor(registry: OpenMetricsRegistry, counters: Counters) {
    this.#registry = registry;
    this.#counters = counters;
  }

  collect(): void {
    for (const series of this.#series.values()) series.reset();
    for (const [name, label, value] of this.#counters.entries()) this.#of(name).inc({ reason: label }, value);
  }

  #of(name: string): Counter {
    let series = this.#series.get(name);
    if (!series) {
      const help = `Gateway counter ${name} by reason`;
      series = new Counter({
        name: `trunkline_${name}_total`,
        help,
        labelNames: ['reason'],
        registers: [this.#registry],
      });
      this.#series.set(name, series);
    }
    return series;
  }
}

function registerMedia(registry: OpenMetricsRegistry, health: () => EngineHealth): void {
  new Gauge({
    name: 'trunkline_media_port_pairs',
    help: 'Media port pairs by state',
    labelNames: ['state'],
    registers: [registry],
    collect() {
      const { portsInUse, portsQuarantined, portsFree } = health();
      this.set({ state: 'used' }, portsInUse);
      this.set({ state: 'quarantined' }, portsQuarantined);
      this.set({ state: 'free' }, portsFree);
    },
  });
  new Counter({
    name: 'trunkline_media_dropped_total',
    help: 'Media packets dropped by reason',
    labelNames: ['reason'],
    registers: [registry],
    collect() {
      this.reset();
      for (const [reason, count] of Object.entries(health().dropped)) this.inc({ reason }, count);
    },
  });
}

function registerLag(registry: OpenMetricsRegistry): void {
  const lag = monitorEventLoopDelay({ resolution: 10 });
  lag.enable();
  new Gauge({
    name: 'trunkline_event_loop_lag_seconds',
    help: 'Event loop delay since the last scrape, by quantile',
    labelNames: ['quantile'],
    registers: [registry],
    collect() {
      for (const quantile of [50, 99, 100])
        this.set({ quantile: String(quantile / 100) }, lag.percentile(quantile) / 1e9);
      lag.reset();
    },
  });
}
