import { type FileHandle, mkdir, open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Logger, Scheduler } from '../../core/index.js';
import { LineBuffer } from './line-buffer.js';

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
  /** By path. */
  readonly #pending = new Map<string, LineBuffer>();
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
    this.#take(voiceConnectorId, timeMs, line.length, (lines) => {
      lines.append(line);
      return true;
    });
  }

  /**
   * `append` of a line that its maker puts as bytes where it is to lie (see LineBuffer.put).
   * @returns false when the maker gave up; a line that was dropped counts as taken
   */
  putLine(
    voiceConnectorId: string | undefined,
    timeMs: number,
    most: number,
    write: (bytes: Buffer, at: number) => number,
  ): boolean {
    return this.#take(voiceConnectorId, timeMs, most, (lines) => lines.put(most, write));
  }

  #take(id: string | undefined, timeMs: number, sizeBytes: number, put: (lines: LineBuffer) => boolean): boolean {
    if (this.#queuedBytes + sizeBytes > MAX_QUEUED_BYTES) {
      this.dropped++;
      return true;
    }
    const path = this.#pathOf(id, timeMs);
    let lines = this.#pending.get(path);
    if (!lines) {
      lines = new LineBuffer();
      this.#pending.set(path, lines);
    }
    const beforeBytes = lines.sizeBytes;
    const done = put(lines);
    this.#queuedBytes += lines.sizeBytes - beforeBytes;
    this.#schedule();
    return done;
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

  async #writeFile(path: string, lines: LineBuffer): Promise<void> {
    try {
      const file = await openForAppend(path);
      try {
        for (let part = lines.first; part; part = lines.first) {
          await file.appendFile(part);
          this.#queuedBytes -= part.length;
          lines.dropFirst();
        }
      } finally {
        await file.close();
      }
    } catch (error) {
      this.#logger.error({ err: error, sizeBytes: lines.sizeBytes }, 'log file not written, will retry');
      const later = this.#pending.get(path);
      if (later) lines.join(later);
      this.#pending.set(path, lines);
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
