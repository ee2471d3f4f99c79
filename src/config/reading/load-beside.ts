import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { Environment } from '../expand.js';
import { EarlierMembers, sameMembers, sharing } from '../share.js';
import type { GatewayConfig, LoadOutcome } from '../types.js';
import { type Head, LISTS, type ListName, type ReadingOrder, type Slice } from './slices.js';

/** What was loaded, and every file that was read for it. */
export interface Loaded {
  readonly outcome: LoadOutcome;
  readonly texts: ReadonlyMap<string, string>;
}

/**
 * Loads a configuration file in a thread of its own. Here the outcome arrives in slices, each in a turn of the event
 * loop of its own, and is put together of the parts of `before` where they are equal.
 * @param signal ends the thread; the promise is rejected
 * @throws whatever ends the thread before it has told everything
 */
export type LoadBeside = (
  path: string,
  env: Environment,
  before: GatewayConfig | undefined,
  signal?: AbortSignal,
) => Promise<Loaded>;

export const loadBeside: LoadBeside = async (path, env, before, signal) => {
  signal?.throwIfAborted();
  const order: ReadingOrder = { path, env: { ...env } };
  const worker = new Worker(workerFile(), { workerData: order });
  try {
    const head = (await told(worker, signal)) as Head;
    const { texts } = head;
    if (!head.ok) return { texts, outcome: { ok: false, faults: head.faults } };
    const lists = await listsOf(worker, before, signal);
    const config = sharing(before, { ...head.settings, ...lists } as GatewayConfig);
    return { texts, outcome: { ok: true, config, warnings: head.warnings } };
  } finally {
    await worker.terminate();
  }
};

/** The worker's next message. @throws what it failed with, or the abort */
async function told(worker: Worker, signal: AbortSignal | undefined): Promise<unknown> {
  const [message] = await once(worker, 'message', { signal });
  return message;
}

async function listsOf(worker: Worker, before: GatewayConfig | undefined, signal: AbortSignal | undefined) {
  const lists = new Map(LISTS.map((name) => [name, new Gathered(before?.[name] ?? [])]));
  for (;;) {
    worker.postMessage('next');
    const slice = (await told(worker, signal)) as Slice | undefined;
    if (slice === undefined) break;
    lists.get(slice.list)!.add(slice.members);
  }
  return Object.fromEntries([...lists].map(([name, list]) => [name, list.members])) as Pick<GatewayConfig, ListName>;
}

/** A list as it comes, its members those of the list before where they are equal. */
class Gathered {
  readonly #before: readonly unknown[];
  readonly #earlier: EarlierMembers;
  readonly #members: unknown[] = [];

  constructor(before: readonly unknown[]) {
    this.#before = before;
    this.#earlier = new EarlierMembers(before);
  }

  get members(): readonly unknown[] {
    return sameMembers(this.#before, this.#members);
  }

  add(slice: readonly unknown[]): void {
    for (const member of slice) this.#members.push(sharing(this.#earlier.of(member, this.#members.length), member));
  }
}

/** The compiled worker, also when this module runs from its source. */
function workerFile(): URL {
  const beside = new URL('./read-worker.js', import.meta.url);
  if (existsSync(fileURLToPath(beside))) return beside;
  return new URL('../../../dist/config/reading/read-worker.js', import.meta.url);
}
