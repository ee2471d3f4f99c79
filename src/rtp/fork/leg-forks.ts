import type { ForkPoint } from '../engine.js';
import type { PacketFacts, RingWriter } from './ring-writer.js';

/**
 * The forks of one leg, where its packets pass. A leg without any has no such object: all that an unused fork costs is
 * the question.
 */
export class LegForks {
  readonly #writers: Record<ForkPoint, Map<number, RingWriter>> = {
    received: new Map(),
    plain: new Map(),
    sent: new Map(),
  };

  get empty(): boolean {
    return Object.values(this.#writers).every((writers) => writers.size === 0);
  }

  add(id: number, point: ForkPoint, writer: RingWriter): void {
    this.#writers[point].set(id, writer);
  }

  remove(id: number): void {
    for (const writers of Object.values(this.#writers)) writers.delete(id);
  }

  /** A datagram as it came, before it is opened: kept for `accepted`, forgotten at the next one. */
  hold(datagram: Uint8Array): void {
    for (const writer of this.#writers.received.values()) writer.hold(datagram);
  }

  /** The datagram held last was accepted, and is this when opened. */
  accepted(plain: Uint8Array, facts: PacketFacts): void {
    for (const writer of this.#writers.received.values()) writer.commit(facts);
    for (const writer of this.#writers.plain.values()) put(writer, plain, facts);
  }

  sent(wire: Uint8Array, facts: PacketFacts): void {
    for (const writer of this.#writers.sent.values()) put(writer, wire, facts);
  }
}

function put(writer: RingWriter, packet: Uint8Array, facts: PacketFacts): void {
  writer.hold(packet);
  writer.commit(facts);
}
