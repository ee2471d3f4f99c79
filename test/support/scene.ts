import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { speechLike } from '../../src/demo/speech.js';
import { encodeMuLaw } from '../../src/rtp/codec/index.js';
import { FAR_NUMBER, OUR_NUMBER } from './gateway.js';
import { scratchDirectory } from './scratch.js';

/** Things that several tests with SIPp share. */

/** Packets of 20 ms in one second of audio. */
export const PACKETS_PER_SECOND = 50;

/** Writes speech-like µ-law audio and gives the value of a scenario's `audio` key: played once, payload type 0. */
export function audioKey(seconds: number, seed = 1, directory = scratchDirectory()): string {
  const file = join(directory, `speech-${seed}.ulaw`);
  writeFileSync(file, encodeMuLaw(speechLike(seed, seconds)));
  return `${file},1,0`;
}

/** Keys of a call from our number to the far one. */
export const outboundKeys = { called: FAR_NUMBER, caller: OUR_NUMBER } as const;

/** Keys of a call from the far number to ours. */
export const inboundKeys = { called: OUR_NUMBER, caller: FAR_NUMBER } as const;
