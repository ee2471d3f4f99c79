import type { Side, StreamDirection } from '../rtp/index.js';

/** A side put the call on hold, or took it back (RFC 3264 §8.4). */
export interface HoldChange {
  readonly kind: 'held' | 'resumed';
  readonly side: Side;
}

/** Which sides hold the call, from the directions of their streams as seen from us. */
export class HoldWatch {
  readonly #held: Record<Side, boolean> = { customer: false, remote: false };

  /** What changed since the last time. */
  changes(directionOf: (side: Side) => StreamDirection | undefined): HoldChange[] {
    const found: HoldChange[] = [];
    for (const side of ['customer', 'remote'] as const) {
      const direction = directionOf(side);
      const held = direction === 'recvonly' || direction === 'inactive';
      if (held === this.#held[side]) continue;
      this.#held[side] = held;
      found.push({ kind: held ? 'held' : 'resumed', side });
    }
    return found;
  }
}
