import type { Random } from '../../core/index.js';

const scratch = Buffer.alloc(16);

/**
 * `words` × 32 random bits in hexadecimal, 1 to 4 words: branches, tags, Call-IDs. Unlike a text put together from
 * pieces it is one flat string, which matters for what is kept by the hundred thousand.
 */
export function token(random: Random, words: number): string {
  for (let word = 0; word < words; word++) scratch.writeUInt32BE(random.uint32(), 4 * word);
  return scratch.toString('hex', 0, 4 * words);
}
