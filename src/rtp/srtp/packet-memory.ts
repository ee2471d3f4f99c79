/**
 * Memory that a packet is sealed or opened in, seen as bytes and as words. Whoever has many packets keeps such memory and
 * copies them into it: making a view costs about as much as a block of SHA-1.
 */
export class PacketMemory {
  /** Over `bytes`, which it begins and ends with. */
  readonly view: DataView;

  constructor(readonly bytes: Uint8Array) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  /** The packet's own memory where it has none made. */
  static of(packet: Uint8Array | PacketMemory): PacketMemory {
    return packet instanceof PacketMemory ? packet : new PacketMemory(packet);
  }
}
