import type { PayloadFormat } from '../engine.js';

/** What a payload type carries: media proper, telephone events (RFC 4733), or comfort noise (RFC 3389). */
export const MEDIA = 0;
export const EVENT = 1;
export const NOISE = 2;

/** Clock rates of static payload types that are not 8000 Hz (RFC 3551 table 4, and video at 90 kHz, table 5). */
const STATIC_CLOCKS: Readonly<Record<number, number>> = {
  6: 16000,
  10: 44100,
  11: 44100,
  14: 90000,
  16: 11025,
  17: 22050,
  25: 90000,
  26: 90000,
  28: 90000,
  31: 90000,
  32: 90000,
  33: 90000,
  34: 90000,
};
const STATIC_TYPES = 35;
const COMFORT_NOISE = 13;

/**
 * Clock rate and kind by payload type, 0–127, in two small arrays that the packet path indexes. A dynamic type that no
 * description names has clock rate 0: its packets are counted, its jitter is not guessed.
 */
export class PayloadTable {
  readonly clockRatesHz = new Float64Array(128);
  readonly kinds = new Uint8Array(128);

  constructor(formats: readonly PayloadFormat[]) {
    for (let type = 0; type < STATIC_TYPES; type++) this.clockRatesHz[type] = STATIC_CLOCKS[type] ?? 8000;
    this.kinds[COMFORT_NOISE] = NOISE;
    for (const format of formats) {
      const type = format.payloadType & 0x7f;
      this.clockRatesHz[type] = format.clockRateHz;
      this.kinds[type] = kindOf(format.encoding.toUpperCase());
    }
  }
}

const tables = new Map<string, PayloadTable>();
const MAX_TABLES = 256;

/** The table of these formats; calls with the same formats share one, so that it stays in the processor's cache. */
export function payloadTable(formats: readonly PayloadFormat[]): PayloadTable {
  const key = formats
    .map(({ payloadType, encoding, clockRateHz }) => `${payloadType} ${encoding} ${clockRateHz}`)
    .join();
  const known = tables.get(key);
  if (known) return known;
  const made = new PayloadTable(formats);
  if (tables.size < MAX_TABLES) tables.set(key, made);
  return made;
}

function kindOf(encoding: string): number {
  if (encoding === 'TELEPHONE-EVENT') return EVENT;
  return encoding === 'CN' ? NOISE : MEDIA;
}
