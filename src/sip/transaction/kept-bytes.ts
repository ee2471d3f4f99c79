/**
 * Bytes of a message that may have to be sent again. Small buffers are cut from shared slabs, and a slab lives as long
 * as any of its cuts; what only absorbs for half a minute therefore keeps its message as text.
 */
export class KeptBytes {
  #bytes: Buffer | undefined;
  #text: string | undefined;

  /** The bytes; undefined when there are none. */
  get bytes(): Buffer | undefined {
    return this.#text === undefined ? this.#bytes : Buffer.from(this.#text, 'latin1');
  }

  keep(bytes: Buffer): void {
    this.#bytes = bytes;
    this.#text = undefined;
  }

  /** From here on they are hardly needed. */
  shelve(): void {
    if (this.#bytes) this.#text = this.#bytes.toString('latin1');
    this.#bytes = undefined;
  }

  drop(): void {
    this.#bytes = this.#text = undefined;
  }
}
