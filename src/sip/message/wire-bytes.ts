/**
 * Scanners read bytes and cut strings: an array element costs a quarter of a `charCodeAt` (bench/parse.mjs). A scanner
 * takes a text and its bytes, which have the same offsets:
 *
 *     text   "Alice" <sip:alice@example.com>;tag=1      slices become values
 *     bytes  22 41 6c 69 63 65 22 20 3c 73 …            decisions are made here
 */

const SCRATCH_BYTES = 4096;
const scratch = Buffer.allocUnsafeSlow(SCRATCH_BYTES);

/** The bytes of a wire text, for a scanner that runs to its end before this is called again. */
export function bytesOf(text: string): Uint8Array {
  if (text.length > SCRATCH_BYTES) return Buffer.from(text, 'latin1');
  scratch.write(text, 0, 'latin1');
  return scratch;
}
