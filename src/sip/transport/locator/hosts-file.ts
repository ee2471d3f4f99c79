import { readFileSync, statSync } from 'node:fs';
import { isIP } from 'node:net';
import type { Logger, Scheduler } from '../../../core/index.js';
import { plainAddress } from '../address.js';

const RECHECK_MS = 5_000;

/**
 * Names of the machine's hosts file, which DNS servers do not know. Read by hand: the system's own lookup runs on
 * the thread pool and may hang there with the DNS, taking file work with it. Looked at again every 5 s at most.
 */
export class HostsFile {
  readonly #path: string;
  readonly #scheduler: Scheduler;
  readonly #logger: Logger;
  #names = new Map<string, string[]>();
  #modifiedMs = -1;
  #checkedMs = -Infinity;

  constructor(path: string, scheduler: Scheduler, logger: Logger) {
    this.#path = path;
    this.#scheduler = scheduler;
    this.#logger = logger;
  }

  /** Addresses of a lower-case name; none when the file does not have it. */
  addresses(name: string): readonly string[] {
    const nowMs = this.#scheduler.nowMs();
    if (nowMs - this.#checkedMs >= RECHECK_MS) {
      this.#checkedMs = nowMs;
      this.#refresh();
    }
    return this.#names.get(name) ?? [];
  }

  /** A file that cannot be read leaves the names as they were: the DNS may know them too. */
  #refresh(): void {
    try {
      const modifiedMs = statSync(this.#path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
      if (modifiedMs === this.#modifiedMs) return;
      this.#modifiedMs = modifiedMs;
      this.#names = modifiedMs === 0 ? new Map() : parseHosts(readFileSync(this.#path, 'utf8'));
    } catch (err) {
      this.#logger.warn({ file: this.#path, err }, 'hosts file not readable');
    }
  }
}

/** Reads hosts(5): an address and its names on each line, `#` begins a comment. */
export function parseHosts(text: string): Map<string, string[]> {
  const names = new Map<string, string[]>();
  for (const line of text.split('\n')) {
    const [address = '', ...hosts] = line.replace(/#.*/, '').trim().split(/\s+/);
    if (isIP(address) === 0) continue;
    for (const host of hosts) {
      const key = host.toLowerCase();
      names.set(key, [...(names.get(key) ?? []), plainAddress(address)]);
    }
  }
  return names;
}
