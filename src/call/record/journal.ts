import { closeSync, fdatasync, mkdirSync, openSync, readdirSync, readFileSync, unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Logger } from '../../core/index.js';
import type { CallEvent, CallListener } from '../events.js';

/**
 * The journal: call events appended to segment files, so that what a crash cut can be rebuilt.
 *
 *      events of one event-loop turn ──one write──► 000007.jsonl ──fdatasync, every 10 ms at most──► disk
 *      record durable ──► {"recorded": id}; a segment whose calls are all recorded, and every older one's, is deleted
 *
 * The write is done before the loop turns again, so `kill -9` loses nothing that was answered; the sync follows
 * within milliseconds, so that a power loss costs at most those. Syncing without a pause would cost more of a busy
 * node's processor than writing the journal does.
 */

const SYNC_PAUSE_MS = 10;

const SEGMENT_BYTES = 16 * 1024 * 1024;

/** What a line of the journal holds. */
type Line = { event: CallEvent } | { recorded: string };

/** Kinds a record cannot do without, or that are signs of life. */
const KEPT = new Set<CallEvent['kind']>([
  'received',
  'decided',
  'attempt-started',
  'attempt-failed',
  'ringing',
  'answered',
  'figures',
  'ended',
]);

interface Segment {
  readonly path: string;
  readonly open: Set<string>;
}

export class Journal implements CallListener {
  readonly #directory: string;
  readonly #logger: Logger;
  readonly #segments: Segment[] = [];
  readonly #segmentOf = new Map<string, Segment>();
  #number = 0;
  #fd = -1;
  #size = 0;
  #lines: string[] = [];
  #syncing = false;
  #pausing = false;
  #dirty = false;
  failures = 0;

  /** @param directory created where missing; belongs to one process */
  constructor(directory: string, logger: Logger) {
    this.#directory = directory;
    this.#logger = logger;
    mkdirSync(directory, { recursive: true, mode: 0o750 });
  }

  /**
   * Reads what an earlier process left: hands each event of a call without a durable record to `replay`, in order, and
   * returns the files read, to be given to `discard` once every rebuilt record is durable.
   */
  recover(replay: (event: CallEvent) => void): string[] {
    const names = readdirSync(this.#directory)
      .filter((name) => /^\d{6}\.jsonl$/.test(name))
      .sort();
    const done = new Set<string>();
    const events: CallEvent[] = [];
    for (const name of names) {
      this.#number = Math.max(this.#number, Number(name.slice(0, 6)));
      for (const line of readLines(join(this.#directory, name), this.#logger)) {
        if ('recorded' in line) done.add(line.recorded);
        else events.push(line.event);
      }
    }
    for (const event of events) if (!done.has(event.transactionId)) replay(event);
    return names.map((name) => join(this.#directory, name));
  }

  /** Deletes files `recover` returned. */
  discard(paths: readonly string[]): void {
    for (const path of paths) unlinkSync(path);
  }

  /** Opens the first segment of this process. */
  start(): void {
    this.#openSegment();
  }

  get openCalls(): number {
    return this.#segmentOf.size;
  }

  onCallEvent(event: CallEvent): void {
    if (!KEPT.has(event.kind)) return;
    if (event.kind === 'received') {
      const segment = this.#segments.at(-1)!;
      segment.open.add(event.transactionId);
      this.#segmentOf.set(event.transactionId, segment);
    }
    this.#append({ event });
  }

  /** The call's record is durable: its journal lines are no longer needed. */
  recorded(transactionId: string): void {
    const segment = this.#segmentOf.get(transactionId);
    if (!segment) return;
    this.#append({ recorded: transactionId });
    this.#segmentOf.delete(transactionId);
    segment.open.delete(transactionId);
    this.#dropOldSegments();
  }

  /** Writes what is queued and closes the file. */
  stop(): void {
    this.#write();
    const fd = this.#fd;
    this.#fd = -1;
    if (fd >= 0 && !this.#syncing) closeSync(fd);
    if (this.#segmentOf.size === 0) this.discard(this.#segments.splice(0).map((segment) => segment.path));
  }

  #append(line: Line): void {
    if (this.#lines.length === 0) setImmediate(() => this.#write());
    this.#lines.push(`${JSON.stringify(line)}\n`);
  }

  #write(): void {
    if (this.#lines.length === 0 || this.#fd < 0) return;
    const bytes = Buffer.from(this.#lines.join(''));
    try {
      for (let at = 0; at < bytes.length; ) at += writeSync(this.#fd, bytes, at);
      this.#lines = [];
    } catch (error) {
      this.#failed(error, bytes.length);
      return;
    }
    this.#size += bytes.length;
    this.#sync();
    if (this.#size > SEGMENT_BYTES) this.#openSegment();
  }

  /** A full disk: the lines stay queued, up to a bound, and are tried again a little later. */
  #failed(error: unknown, sizeBytes: number): void {
    this.failures++;
    this.#logger.error({ err: error, sizeBytes }, 'journal not written, will retry');
    setTimeout(() => this.#write(), 500).unref();
  }

  #sync(): void {
    this.#dirty = true;
    if (this.#syncing || this.#pausing) return;
    this.#syncing = true;
    this.#dirty = false;
    const fd = this.#fd;
    fdatasync(fd, (error) => {
      this.#syncing = false;
      if (error) this.#logger.error({ err: error }, 'journal not synced');
      if (fd !== this.#fd) closeSync(fd);
      if (this.#fd >= 0) this.#pauseSync();
    });
  }

  #pauseSync(): void {
    this.#pausing = true;
    setTimeout(() => {
      this.#pausing = false;
      if (this.#dirty && this.#fd >= 0) this.#sync();
    }, SYNC_PAUSE_MS).unref();
  }

  #openSegment(): void {
    const old = this.#fd;
    this.#number++;
    const path = join(this.#directory, `${String(this.#number).padStart(6, '0')}.jsonl`);
    this.#fd = openSync(path, 'a', 0o640);
    this.#size = 0;
    this.#segments.push({ path, open: new Set() });
    if (old >= 0 && !this.#syncing) closeSync(old);
    this.#dropOldSegments();
  }

  #dropOldSegments(): void {
    while (this.#segments.length > 1 && this.#segments[0]!.open.size === 0) unlinkSync(this.#segments.shift()!.path);
  }
}

function* readLines(path: string, logger: Logger): Generator<Line> {
  for (const text of readFileSync(path, 'utf8').split('\n')) {
    if (text === '') continue;
    try {
      yield JSON.parse(text) as Line;
    } catch (error) {
      logger.warn({ err: error, path }, 'journal line cut short by a crash, passed over');
    }
  }
}
