import { join } from 'node:path';
import type { Logger, Scheduler } from '../../core/index.js';
import type { BatchWriter } from './batch-writer.js';
import type { CallDetailRecord } from './call-detail-record.js';
import type { RecordSink } from './recorder.js';
import { type BatchOutcome, SYNCED_TOGETHER } from './write-batch.js';

export interface DirectorySinkOptions {
  /** Root directory; created where missing. */
  readonly directory: string;
  readonly writer: BatchWriter;
  /** Called when a record is durable under its final name. */
  readonly onWritten?: (transactionId: string, path: string) => void;
}

interface Waiting {
  readonly transactionId: string;
  readonly path: string;
  readonly text: string;
}

const MOST_IN_BATCH = 2048;
const GATHER_MS = 50;
/** After a batch that was synced as one: on a busy node the fewer and larger, the cheaper. */
const BUSY_GATHER_MS = 1000;
const RETRY_MS = [100, 500, 2000, 10_000];

/**
 * Writes each record whole: temporary file, fsync, rename, under
 * `Amazon-Chime-Voice-Connector-CDRs/json/<voiceConnectorId>/<yyyy>/<mm>/<dd>/<HH.MM.SS.mmm>_<transactionId>`,
 * the time being the call's end. Records that come close together go in one batch, on a busy node once a second. A failed one is tried again until
 * it succeeds; the journal keeps it meanwhile.
 */
export class DirectorySink implements RecordSink {
  readonly #options: DirectorySinkOptions;
  readonly #scheduler: Scheduler;
  readonly #logger: Logger;
  #queue: Waiting[] = [];
  readonly #idle: (() => void)[] = [];
  #scheduled = false;
  #writing = 0;
  #lastBatch = 0;
  #retrying = 0;
  #failures = 0;

  constructor(options: DirectorySinkOptions, scheduler: Scheduler, logger: Logger) {
    this.#options = options;
    this.#scheduler = scheduler;
    this.#logger = logger;
  }

  /** Records taken and not yet durable. */
  get depth(): number {
    return this.#queue.length + this.#writing + this.#retrying;
  }

  put(record: CallDetailRecord): void {
    const path = join(this.#options.directory, recordPath(record));
    this.#queue.push({ transactionId: record.TransactionId, path, text: `${JSON.stringify(record)}\n` });
    this.#schedule();
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

  #schedule(): void {
    if (this.#scheduled || this.#writing > 0 || this.#queue.length === 0) return;
    this.#scheduled = true;
    const busy = this.#lastBatch >= SYNCED_TOGETHER && this.#idle.length === 0;
    this.#scheduler.after(busy ? BUSY_GATHER_MS : GATHER_MS, () => {
      this.#scheduled = false;
      this.#writeBatch();
    });
  }

  #writeBatch(): void {
    const batch = this.#queue.splice(0, MOST_IN_BATCH);
    this.#writing = batch.length;
    this.#lastBatch = batch.length;
    const files = batch.map(({ path, text }) => ({ path, text }));
    this.#options.writer.write(files, (outcome) => this.#settle(batch, outcome));
  }

  #settle(batch: readonly Waiting[], outcome: BatchOutcome): void {
    this.#writing = 0;
    const failed = batch.filter((_, index) => outcome[index] !== undefined);
    batch.forEach(({ transactionId, path }, index) => {
      if (outcome[index] === undefined) this.#options.onWritten?.(transactionId, path);
    });
    if (failed.length > 0) this.#retry(failed, outcome.find((reason) => reason !== undefined)!);
    else this.#failures = 0;
    this.#schedule();
    if (this.depth === 0) for (const resolve of this.#idle.splice(0)) resolve();
  }

  #retry(failed: readonly Waiting[], reason: string): void {
    const delayMs = RETRY_MS[Math.min(this.#failures++, RETRY_MS.length - 1)]!;
    this.#logger.error({ records: failed.length, reason, delayMs }, 'records not written, will retry');
    this.#retrying += failed.length;
    this.#scheduler.after(delayMs, () => {
      this.#retrying -= failed.length;
      this.#queue.push(...failed);
      this.#schedule();
    });
  }
}

/** Path of a record below the records root. Ids are checked where they are made, and again here. */
export function recordPath(record: CallDetailRecord): string {
  const end = new Date(record.Trunkline.EndTimeEpochMs);
  const connector = /^[a-z0-9]+$/.test(record.VoiceConnectorId) ? record.VoiceConnectorId : 'unassigned';
  // 2026-05-31T23:59:59.999Z
  const iso = end.toISOString();
  const day = `${iso.slice(0, 4)}/${iso.slice(5, 7)}/${iso.slice(8, 10)}`;
  const time = `${iso.slice(11, 13)}.${iso.slice(14, 16)}.${iso.slice(17, 23)}`;
  return `Amazon-Chime-Voice-Connector-CDRs/json/${connector}/${day}/${time}_${record.TransactionId}`;
}
