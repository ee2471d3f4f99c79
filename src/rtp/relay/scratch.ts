import { MAX_OVERHEAD_BYTES, PacketMemory } from '../srtp/index.js';

/** Memory that a packet lies in while it passes. */
class Slot {
  readonly bytes: Buffer;
  readonly memory: PacketMemory;
  #first: Buffer;

  constructor(sizeBytes: number) {
    this.bytes = Buffer.alloc(sizeBytes);
    this.memory = new PacketMemory(this.bytes);
    this.#first = this.bytes;
  }

  /** The first `length` bytes; nothing is allocated while lengths repeat, as those of a voice stream do. */
  first(length: number): Buffer {
    if (this.#first.length !== length) this.#first = this.bytes.subarray(0, length);
    return this.#first;
  }
}

/** Sealing needs room behind the packet, and both need views that are not made anew. */
const SLOT_BYTES = 2048;
/** A packet takes three at most: read, opened and sealed anew; what waits in a socket's queue keeps its own. */
const SLOTS = 4;
const slots = Array.from({ length: SLOTS }, () => new Slot(SLOT_BYTES));
let nextSlot = 0;

/** Gives the memory of a packet to the socket in whose queue it waits; the slots go on with another. */
export function keepMemory(packet: Buffer): void {
  const at = slots.findIndex(({ bytes }) => bytes.buffer === packet.buffer);
  if (at >= 0) slots[at] = new Slot(SLOT_BYTES);
}

/** A copy of a packet, with room behind it for what sealing adds; good until as many others were made as there are slots. */
export function scratch(packet: Buffer): Slot {
  const needed = packet.length + MAX_OVERHEAD_BYTES;
  const slot = needed <= SLOT_BYTES ? slots[nextSlot]! : new Slot(needed);
  nextSlot = (nextSlot + 1) % SLOTS;
  slot.bytes.set(packet);
  return slot;
}
