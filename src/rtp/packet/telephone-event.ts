/** The payload of a telephone-event packet (RFC 4733 §2.3): `| event |E R volume| duration |`. */
export interface TelephoneEvent {
  /** 0–9 digits, 10 `*`, 11 `#`, 12–15 A–D, 16 flash (§3.2) */
  readonly event: number;
  /** The event has ended; sent three times (§2.5.1.4). */
  readonly end: boolean;
  /** Power level, 0–63, in −dBm0 */
  readonly volume: number;
  /** From the event's start, in timestamp units, 0–65535 */
  readonly durationTs: number;
}

export const TELEPHONE_EVENT_BYTES = 4;

/** Reads one event at `offset`; undefined when fewer than four octets are there. Further events in the packet are ignored. */
export function decodeTelephoneEvent(
  packet: Buffer,
  offset = 0,
  sizeBytes = packet.length - offset,
): TelephoneEvent | undefined {
  if (sizeBytes < TELEPHONE_EVENT_BYTES) return undefined;
  const flags = packet[offset + 1]!;
  return {
    event: packet[offset]!,
    end: flags > 127,
    volume: flags & 0x3f,
    durationTs: packet.readUInt16BE(offset + 2),
  };
}
