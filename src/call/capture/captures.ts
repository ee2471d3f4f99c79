import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { GatewayError, type Logger, type Scheduler } from '../../core/index.js';
import type { MediaBridge } from '../media-bridge.js';
import { CallCapture, type CaptureResult } from './call-capture.js';
import { CaptureFile } from './capture-file.js';

export interface CaptureOrder {
  /** 1–300 */
  readonly seconds: number;
  /** Legs with SRTP are written decrypted. */
  readonly plain: boolean;
}

export interface CapturesParts {
  /** Made when the first capture starts. */
  readonly directory: string;
  /** Media of a running call. */
  readonly mediaOf: (transactionId: string) => MediaBridge | undefined;
  readonly scheduler: Scheduler;
  readonly logger: Logger;
  /** Length of a file at most; default 64 MiB. */
  readonly maxFileBytes?: number | undefined;
}

export const MAX_CAPTURE_SECONDS = 300;
const MAX_RUNNING = 4;
const MAX_FILES = 100;
const MAX_FILE_BYTES = 64 * 1024 * 1024;
/** A TransactionId as we make them: version 4 UUIDs. */
const TRANSACTION_ID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/**
 * Captures of running calls into files: at most 4 at a time, one of each call, 5 minutes and 64 MiB each. Speech is
 * personal data: nothing here removes the files, and with 100 of them no more are made.
 */
export class Captures {
  readonly #parts: CapturesParts;
  readonly #running = new Map<string, { readonly stop: () => void; readonly done: Promise<unknown> }>();
  #stopped = false;

  constructor(parts: CapturesParts) {
    this.#parts = parts;
  }

  /**
   * Captures one call; resolves when the capture has ended.
   * @throws GatewayError `capture.no-call`, `capture.busy`, `capture.full`, `capture.failed`, `media.fork-*`
   */
  capture(transactionId: string, order: CaptureOrder): Promise<CaptureResult> {
    const media = TRANSACTION_ID.test(transactionId) ? this.#parts.mediaOf(transactionId) : undefined;
    if (!media) throw refused('capture.no-call', 'No such call is running, or it has no media yet');
    if (this.#stopped || this.#running.has(transactionId) || this.#running.size >= MAX_RUNNING) {
      throw refused('capture.busy', `One capture of a call runs at a time, ${MAX_RUNNING} of all calls`);
    }
    let stop = (): void => {};
    const stopped = new Promise<void>((resolve) => {
      stop = resolve;
    });
    const done = this.#run(transactionId, media, order, stopped).finally(() => this.#running.delete(transactionId));
    this.#running.set(transactionId, { stop, done });
    return done;
  }

  /** Ends those that run; resolves when their files are written. */
  async stop(): Promise<void> {
    this.#stopped = true;
    for (const { stop } of this.#running.values()) stop();
    await Promise.allSettled([...this.#running.values()].map(({ done }) => done));
  }

  async #run(id: string, media: MediaBridge, order: CaptureOrder, stopped: Promise<void>): Promise<CaptureResult> {
    const { directory, scheduler, logger } = this.#parts;
    const name = `${id}-${stamp(scheduler.wallMs())}.pcap`;
    const path = join(directory, name);
    const file = await this.#create(path);
    const capture = new CallCapture(media, file, scheduler);
    void stopped.then(() => capture.stop('stopped'));
    try {
      const result = await capture.run(name, order.seconds, order.plain);
      logger.info({ transactionId: id, ...result }, 'call captured');
      return result;
    } catch (error) {
      await rm(path, { force: true });
      throw isOurs(error) ? error : diskFailed(error);
    }
  }

  async #create(path: string): Promise<CaptureFile> {
    const { directory, maxFileBytes = MAX_FILE_BYTES } = this.#parts;
    try {
      await mkdir(directory, { recursive: true, mode: 0o700 });
      const files = (await readdir(directory)).length;
      if (files >= MAX_FILES) {
        throw refused('capture.full', `${files} files are in ${directory}: remove some first`);
      }
      return await CaptureFile.create(path, maxFileBytes);
    } catch (error) {
      throw isOurs(error) ? error : diskFailed(error);
    }
  }
}

const isOurs = (error: unknown): boolean => error instanceof GatewayError;

const refused = (code: string, message: string): GatewayError => new GatewayError(code, message, { origin: 'local' });

const diskFailed = (cause: unknown): GatewayError =>
  new GatewayError('capture.failed', `The capture could not be written: ${(cause as Error).message}`, {
    origin: 'internal',
    cause,
  });

/** 20260131T235959Z */
const stamp = (wallMs: number): string => `${new Date(wallMs).toISOString().slice(0, 19).replace(/[-:]/g, '')}Z`;
