/**
 * A message about to be written, as a sequence of pieces: stretches of the received bytes, and texts of ours.
 * Neighbouring stretches join, so that what was not changed is copied in as few steps as there are changes:
 *
 *     received [start line)   ours "Via: …"   received [Via … Max-Forwards)   …   received [… body end)
 */
export class WireLayout {
  private length = 0;
  private received: Buffer = NO_BYTES;
  private last: Buffer = NO_BYTES;
  private count = 0;
  /** Per piece: start and end in the received bytes; start −1 for a text. */
  private readonly starts: number[] = [];
  private readonly ends: number[] = [];
  private readonly texts: string[] = [];

  /** Begins a new layout over these received bytes. */
  begin(received: Buffer = NO_BYTES): void {
    this.received = received;
    this.last = NO_BYTES;
    this.length = 0;
    this.count = 0;
  }

  addReceived(start: number, end: number): void {
    const previous = this.count - 1;
    this.length += end - start;
    if (previous >= 0 && this.starts[previous]! >= 0 && this.ends[previous] === start) this.ends[previous] = end;
    else this.push(start, end, '');
  }

  /** @param text wire text */
  addText(text: string): void {
    this.length += text.length;
    this.push(-1, -1, text);
  }

  /** Bytes that come after all pieces. */
  addBytes(bytes: Buffer): void {
    this.length += bytes.length;
    this.last = bytes;
  }

  /** The pieces one after the other, in a buffer of their own. */
  write(): Buffer {
    const target = allocate(this.length);
    let at = 0;
    for (let piece = 0; piece < this.count; piece++) {
      const start = this.starts[piece]!;
      if (start < 0) at += target.write(this.texts[piece]!, at, 'latin1');
      else at += this.received.copy(target, at, start, this.ends[piece]);
    }
    if (this.last.length > 0) this.last.copy(target, at);
    this.begin();
    return target;
  }

  private push(start: number, end: number, text: string): void {
    this.starts[this.count] = start;
    this.ends[this.count] = end;
    this.texts[this.count++] = text;
  }
}

const NO_BYTES = Buffer.alloc(0);

/**
 * Buffers are cut from slabs: the runtime's own pool of 8 KiB holds seven messages, and renewing it so often costs
 * more than writing them. A slab lives as long as a message cut from it.
 */
const SLAB_BYTES = 64 * 1024;
const MAX_CUT_BYTES = 8 * 1024;
let slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
let cutTo = 0;

function allocate(length: number): Buffer {
  if (length > MAX_CUT_BYTES) return Buffer.allocUnsafeSlow(length);
  if (cutTo + length > SLAB_BYTES) {
    slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
    cutTo = 0;
  }
  const start = cutTo;
  cutTo += length;
  return slab.subarray(start, cutTo);
}
