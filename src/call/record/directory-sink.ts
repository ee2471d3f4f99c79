import { mkdir, open, rename, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Logger, Scheduler } from '../../core/index.js';
import type { CallDetailRecord } from './call-detail-record.js';
import type { RecordSink } from './recorder.js';

export interface DirectorySinkOptions {
  /** Root directory; created where missing. */
  readonly directory: string;
  /** Called when a record is durable under its final name. */
  readonly onWritten?: (transactionId: string, path: string) => void;
}

const CONCURRENT_WRITES = 8;
const RETRY_MS = [100, 500, 2000, 10_000];

/**
 * Writes each record whole: temporary file, fsync, rename, under
 * `Amazon-Chime-Voice-Connector-CDRs/json/<voiceConnectorId>/<yyyy>/<mm>/<dd>/<HH.MM.SS.mmm>_<transactionId>`,
 * the time being the call's end. A failed write is tried again until it succeeds; the journal keeps the record meanwhile.
 */
export class DirectorySink implements RecordSink {
  readonly #options: DirectorySinkOptions;
  readonly #scheduler: Scheduler;
  readonly #logger: Logger;
  readonly #queue: CallDetailRecord[] = [];
  readonly #knownDirectories = new Set<string>();
  readonly #idle: (() => void)[] = [];
  #writing = 0;
  #waiting = 0;

  constructor(options: DirectorySinkOptions, scheduler: Scheduler, logger: Logger) {
    this.#options = options;
    this.#scheduler = scheduler;
    this.#logger = logger;
  }

  /** Records taken and not yet durable. */
  get depth(): number {
    return this.#queue.length + this.#writing + this.#waiting;
  }

  put(record: CallDetailRecord): void {
    this.#queue.push(record);
    this.#pump();
  }

  /** Resolves when everything taken so far is durable, or after `limitMs`; tells whether all is. */
  async flush(limitMs: number): Promise<boolean> {
    if (this.depth === 0) return true;
    await new Promise<void>((resolve) => {
      const timer = this.#scheduler.after(limitMs, resolve);
      this.#idle.push(() => {
        timer.cancel();
        resolve();
      });
    });
    return this.depth === 0;
  }

  #pump(): void {
    while (this.#writing < CONCURRENT_WRITES) {
      const record = this.#queue.shift();
      if (!record) break;
      this.#writing++;
      void this.#write(record, 0);
    }
  }

  async #write(record: CallDetailRecord, tries: number): Promise<void> {
    const path = join(this.#options.directory, recordPath(record));
    try {
      await this.#ensureDirectory(dirname(path));
      await writeWhole(path, `${JSON.stringify(record)}\n`);
      this.#writing--;
      this.#options.onWritten?.(record.TransactionId, path);
    } catch (error) {
      this.#writing--;
      this.#retry(record, tries, error);
    }
    this.#pump();
    if (this.depth === 0) for (const resolve of this.#idle.splice(0)) resolve();
  }

  #retry(record: CallDetailRecord, tries: number, error: unknown): void {
    const delayMs = RETRY_MS[Math.min(tries, RETRY_MS.length - 1)]!;
    this.#logger.error({ transactionId: record.TransactionId, err: error, delayMs }, 'record not written, will retry');
    this.#knownDirectories.clear();
    this.#waiting++;
    this.#scheduler.after(delayMs, () => {
      this.#waiting--;
      this.#writing++;
      void this.#write(record, tries + 1);
    });
  }

  async #ensureDirectory(directory: string): Promise<void> {
    if (this.#knownDirectories.has(directory)) return;
    await mkdir(directory, { recursive: true });
    this.#knownDirectories.add(directory);
  }
}

const two = (value: number): string => String(value).padStart(2, '0');

/** Path of a record below the records root. Ids are checked where they are made, and again here against the separator. */
export function recordPath(record: CallDetailRecord): string {
  const end = new Date(record.Trunkline.EndTimeEpochMs);
  const connector = /^[a-z0-9]+$/.test(record.VoiceConnectorId) ? record.VoiceConnectorId : 'unassigned';
  const day = [end.getUTCFullYear(), two(end.getUTCMonth() + 1), two(end.getUTCDate())].map(String);
  const time = `${two(end.getUTCHours())}.${two(end.getUTCMinutes())}.${two(end.getUTCSeconds())}`;
  const name = `${time}.${String(end.getUTCMilliseconds()).padStart(3, '0')}_${record.TransactionId}`;
  return join('Amazon-Chime-Voice-Connector-CDRs', 'json', connector, ...day, name);
}

async function writeWhole(path: string, text: string): Promise<void> {
  const temporary = `${path}.tmp`;
  const file = await open(temporary, 'w', 0o640);
  try {
    await file.writeFile(text);
    await file.sync();
  } catch (error) {
    await file.close();
    await unlink(temporary);
    throw error;
  }
  await file.close();
  await rename(temporary, path);
}
