/**
 * Buffers for messages, cut from slabs: the runtime's own pool of 8 KiB holds seven messages, and renewing it so often
 * costs more than writing them. A slab lives as long as a message cut from it.
 */
const SLAB_BYTES = 64 * 1024;
const MAX_CUT_BYTES = 8 * 1024;

let slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
let cutTo = 0;

/** A buffer of that length with undefined content. */
export function cutBuffer(length: number): Buffer {
  if (length > MAX_CUT_BYTES) return Buffer.allocUnsafeSlow(length);
  if (cutTo + length > SLAB_BYTES) {
    slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
    cutTo = 0;
  }
  const start = cutTo;
  cutTo += length;
  return slab.subarray(start, cutTo);
}
