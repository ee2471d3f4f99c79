import { type FileHandle, open } from 'node:fs/promises';
import { type Datagram, pcapHeader, pcapRecord } from './pcap.js';

/** Copies of one packet come from several forks at their own times; so long they wait to be put in order, ms. */
const ORDERING_MS = 200;

/** A capture file that is being written: orders what comes by time, and never grows beyond its bound. */
export class CaptureFile {
  readonly #handle: FileHandle;
  readonly #maxBytes: number;
  #waiting: Datagram[] = [];
  #writing: Promise<void> = Promise.resolve();
  #bytes = 0;
  #packets = 0;
  #full = false;

  private constructor(handle: FileHandle, maxBytes: number) {
    this.#handle = handle;
    this.#maxBytes = maxBytes;
  }

  /** Makes a file that only its owner may read; rejects where there is one of that name. */
  static async create(path: string, maxBytes: number): Promise<CaptureFile> {
    const file = new CaptureFile(await open(path, 'wx', 0o600), maxBytes);
    await file.#append([pcapHeader()]);
    return file;
  }

  get packets(): number {
    return this.#packets;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** The next packet did not fit: it and all after it are left out. */
  get full(): boolean {
    return this.#full;
  }

  /** Takes packets in; resolves when those that have waited long enough are written. Rejects when the disk fails. */
  add(datagrams: readonly Datagram[], nowMs: number): Promise<void> {
    this.#waiting.push(...datagrams);
    this.#waiting.sort((one, other) => one.atMs - other.atMs);
    const ripe = this.#waiting.findIndex(({ atMs }) => atMs > nowMs - ORDERING_MS);
    return this.#write(this.#waiting.splice(0, ripe < 0 ? this.#waiting.length : ripe));
  }

  /** Writes the rest and closes; rejects when the disk fails. */
  async close(): Promise<void> {
    try {
      await this.#write(this.#waiting.splice(0));
    } finally {
      await this.#handle.close();
    }
  }

  #write(datagrams: readonly Datagram[]): Promise<void> {
    this.#writing = this.#writing.then(() => this.#append(datagrams.map(pcapRecord), 1));
    return this.#writing;
  }

  async #append(records: readonly Buffer[], packetsEach = 0): Promise<void> {
    const fitting: Buffer[] = [];
    for (const record of records) {
      this.#full ||= this.#bytes + record.length > this.#maxBytes;
      if (this.#full) break;
      fitting.push(record);
      this.#bytes += record.length;
      this.#packets += packetsEach;
    }
    if (fitting.length > 0) await this.#handle.writeFile(Buffer.concat(fitting));
  }
}
