import { type FileHandle, mkdir, open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Logger, Scheduler } from '../../core/index.js';

const DAY_MS = 86_400_000;
const FLUSH_MS = 250;
const MAX_QUEUED_BYTES = 64 * 1024 * 1024;

/**
 * Appends JSON lines to `<root>/<voiceConnectorId>/<yyyy-mm-dd>.jsonl`, batched: lines of one file go out in one write
 * every 250 ms. A failed write is kept and tried again; past 64 MiB of backlog lines are dropped and counted.
 */
export class JsonLinesLog {
  readonly #root: string;
  readonly #scheduler: Scheduler;
  readonly #logger: Logger;
  readonly #pending = new Map<string, string[]>();
  #queuedBytes = 0;
  #flushing: Promise<void> | undefined;
  #timer = false;
  #day = 0;
  readonly #paths = new Map<string, string>();
  dropped = 0;

  constructor(root: string, scheduler: Scheduler, logger: Logger) {
    this.#root = root;
    this.#scheduler = scheduler;
    this.#logger = logger;
  }

  /** Queues one line; `voiceConnectorId` must be lower-case letters and digits (anything else goes to `unassigned`). */
  append(voiceConnectorId: string | undefined, timeMs: number, value: object): void {
    this.appendLine(voiceConnectorId, timeMs, `${JSON.stringify(value)}\n`);
  }

  /** `append` of a value that its maker has written: one line of JSON with its line end. */
  appendLine(voiceConnectorId: string | undefined, timeMs: number, line: string): void {
    if (this.#queuedBytes + line.length > MAX_QUEUED_BYTES) {
      this.dropped++;
      return;
    }
    this.#queuedBytes += line.length;
    const path = this.#pathOf(voiceConnectorId, timeMs);
    const lines = this.#pending.get(path);
    if (lines) lines.push(line);
    else this.#pending.set(path, [line]);
    this.#schedule();
  }

  /** Writes everything queued so far. */
  async flush(): Promise<void> {
    await this.#flushing;
    this.#flushing = this.#writeAll();
    await this.#flushing;
  }

  /** File of a connector and day; the paths of the running day are kept. */
  #pathOf(voiceConnectorId: string | undefined, timeMs: number): string {
    const day = Math.floor(timeMs / DAY_MS);
    if (day !== this.#day) {
      this.#day = day;
      this.#paths.clear();
    }
    const id = voiceConnectorId ?? '';
    let path = this.#paths.get(id);
    if (path === undefined) {
      const folder = /^[a-z0-9]+$/.test(id) ? id : 'unassigned';
      path = join(this.#root, folder, `${new Date(timeMs).toISOString().slice(0, 10)}.jsonl`);
      this.#paths.set(id, path);
    }
    return path;
  }

  #schedule(): void {
    if (this.#timer) return;
    this.#timer = true;
    this.#scheduler.after(FLUSH_MS, () => {
      this.#timer = false;
      void this.flush();
    });
  }

  async #writeAll(): Promise<void> {
    const batch = [...this.#pending];
    this.#pending.clear();
    for (const [path, lines] of batch) await this.#writeFile(path, lines);
  }

  async #writeFile(path: string, lines: string[]): Promise<void> {
    const text = lines.join('');
    try {
      const file = await openForAppend(path);
      try {
        await file.appendFile(text);
      } finally {
        await file.close();
      }
      this.#queuedBytes -= text.length;
    } catch (error) {
      this.#logger.error({ err: error, lines: lines.length }, 'log file not written, will retry');
      this.#pending.set(path, [...lines, ...(this.#pending.get(path) ?? [])]);
      this.#schedule();
    }
  }
}

async function openForAppend(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'a', 0o640);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    await mkdir(dirname(path), { recursive: true });
    return open(path, 'a', 0o640);
  }
}
