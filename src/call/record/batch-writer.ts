import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { Logger } from '../../core/index.js';
import { type BatchOutcome, type WholeFile, writeBatch } from './write-batch.js';

/** Writes batches of files, one after the other. */
export interface BatchWriter {
  /** `done` is called once, later. */
  write(files: readonly WholeFile[], done: (outcome: BatchOutcome) => void): void;
  stop(): Promise<void>;
}

/** In the calling thread: for tests, and where no thread can be had. */
export class InlineBatchWriter implements BatchWriter {
  write(files: readonly WholeFile[], done: (outcome: BatchOutcome) => void): void {
    setImmediate(() => done(writeBatch(files)));
  }

  stop(): Promise<void> {
    return Promise.resolve();
  }
}

/** In a thread of its own, so that signalling never waits for a disk. A thread that dies is replaced. */
export class ThreadBatchWriter implements BatchWriter {
  readonly #logger: Logger;
  #worker: Worker | undefined;
  #pending: { files: readonly WholeFile[]; done: (outcome: BatchOutcome) => void } | undefined;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** One batch at a time: the next may be given once `done` was called. */
  write(files: readonly WholeFile[], done: (outcome: BatchOutcome) => void): void {
    this.#pending = { files, done };
    this.#worker ??= this.#launch();
    this.#worker.postMessage(files);
  }

  async stop(): Promise<void> {
    const worker = this.#worker;
    this.#worker = undefined;
    worker?.removeAllListeners('exit');
    await worker?.terminate();
  }

  #launch(): Worker {
    const worker = new Worker(workerFile());
    worker.unref();
    worker.on('message', (outcome: BatchOutcome) => this.#finish(outcome));
    worker.on('error', (error) => this.#logger.error({ err: error }, 'record writer thread failed'));
    worker.on('exit', () => {
      this.#worker = undefined;
      this.#finish(this.#pending?.files.map(() => 'the writer thread ended') ?? []);
    });
    return worker;
  }

  #finish(outcome: BatchOutcome): void {
    const pending = this.#pending;
    this.#pending = undefined;
    pending?.done(outcome);
  }
}

/** The compiled worker, also when this module runs from its source. */
function workerFile(): URL {
  const beside = new URL('./write-worker.js', import.meta.url);
  if (existsSync(fileURLToPath(beside))) return beside;
  return new URL('../../../dist/call/record/write-worker.js', import.meta.url);
}
