/**
 * Lines on their way to a file, as bytes in a few chunks. Lines kept as strings until they are written would be joined
 * and encoded then: twice more through memory, all of it for the garbage collector.
 */

const FIRST_BYTES = 8 * 1024;
const CHUNK_BYTES = 64 * 1024;
/** Chunks that lie ready between two writes. */
const MOST_SPARE = 64;
/** UTF-8 of one unit of a string, at most. */
const BYTES_PER_UNIT = 3;

const spare: Buffer[] = [];

interface Chunk {
  readonly bytes: Buffer;
  length: number;
}

export class LineBuffer {
  #chunks: Chunk[] = [];
  #sizeBytes = 0;

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** Appends one line, its line end included. */
  append(line: string): void {
    const chunk = this.#room(line.length * BYTES_PER_UNIT);
    this.#grew(chunk, chunk.bytes.write(line, chunk.length, 'utf8'));
  }

  /**
   * Appends one line as its writer puts it: `write` gets the bytes and where to begin, and gives where it ended, or −1
   * to give up.
   * @param most bytes that it takes at most
   * @returns false when it gave up, and then nothing was appended
   */
  put(most: number, write: (bytes: Buffer, at: number) => number): boolean {
    const chunk = this.#room(most);
    const end = write(chunk.bytes, chunk.length);
    if (end < 0) return false;
    this.#grew(chunk, end - chunk.length);
    return true;
  }

  /** What is to be written first, valid until it is dropped; undefined when there is nothing. */
  get first(): Buffer | undefined {
    const chunk = this.#chunks[0];
    return chunk?.bytes.subarray(0, chunk.length);
  }

  /** The first part has been written; nothing may be appended between its reading and this. */
  dropFirst(): void {
    const chunk = this.#chunks.shift();
    if (!chunk) return;
    this.#sizeBytes -= chunk.length;
    if (chunk.bytes.length === CHUNK_BYTES && spare.length < MOST_SPARE) spare.push(chunk.bytes);
  }

  /** Takes over what was appended to another since, which is not to be used any more. */
  join(later: LineBuffer): void {
    this.#chunks.push(...later.#chunks);
    this.#sizeBytes += later.#sizeBytes;
  }

  #room(most: number): Chunk {
    const last = this.#chunks.at(-1);
    if (last && last.length + most <= last.bytes.length) return last;
    const chunk = { bytes: this.#chunkFor(most), length: 0 };
    this.#chunks.push(chunk);
    return chunk;
  }

  /** A small one first: most files get a few lines at a time. */
  #chunkFor(most: number): Buffer {
    if (this.#chunks.length === 0 && most <= FIRST_BYTES) return Buffer.allocUnsafeSlow(FIRST_BYTES);
    if (most <= CHUNK_BYTES) return spare.pop() ?? Buffer.allocUnsafeSlow(CHUNK_BYTES);
    return Buffer.allocUnsafeSlow(most);
  }

  #grew(chunk: Chunk, bytes: number): void {
    chunk.length += bytes;
    this.#sizeBytes += bytes;
  }
}
