import { readFileSync, writeFileSync } from 'node:fs';

/** Mono 16-bit PCM in WAV files: as much of RIFF as tests need. */

export interface Sound {
  readonly rateHz: number;
  readonly samples: Int16Array;
}

export function writeWav(path: string, { rateHz, samples }: Sound): void {
  const header = Buffer.alloc(44);
  header.write('RIFF', 0, 'latin1');
  header.writeUInt32LE(36 + samples.byteLength, 4);
  header.write('WAVEfmt ', 8, 'latin1');
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(1, 22);
  header.writeUInt32LE(rateHz, 24);
  header.writeUInt32LE(2 * rateHz, 28);
  header.writeUInt16LE(2, 32);
  header.writeUInt16LE(16, 34);
  header.write('data', 36, 'latin1');
  header.writeUInt32LE(samples.byteLength, 40);
  writeFileSync(path, Buffer.concat([header, Buffer.from(samples.buffer, samples.byteOffset, samples.byteLength)]));
}

/** @throws Error when the file is not mono 16-bit PCM */
export function readWav(path: string): Sound {
  const bytes = readFileSync(path);
  if (bytes.toString('latin1', 0, 4) !== 'RIFF' || bytes.toString('latin1', 8, 12) !== 'WAVE') {
    throw new Error(`${path} is not a WAV file`);
  }
  let rateHz = 0;
  for (let at = 12; at + 8 <= bytes.length; ) {
    const id = bytes.toString('latin1', at, at + 4);
    const size = bytes.readUInt32LE(at + 4);
    if (id === 'fmt ') {
      if (bytes.readUInt16LE(at + 10) !== 1 || bytes.readUInt16LE(at + 22) !== 16) {
        throw new Error(`${path} is not mono 16-bit PCM`);
      }
      rateHz = bytes.readUInt32LE(at + 12);
    } else if (id === 'data') {
      const end = Math.min(bytes.length, size === 0 ? bytes.length : at + 8 + size);
      const count = Math.floor((end - at - 8) / 2);
      const samples = Int16Array.from({ length: count }, (_, index) => bytes.readInt16LE(at + 8 + 2 * index));
      return { rateHz, samples };
    }
    at += 8 + size + (size % 2);
  }
  throw new Error(`${path} holds no samples`);
}
