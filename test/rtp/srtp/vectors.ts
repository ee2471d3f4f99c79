import { readFileSync } from 'node:fs';
import type { SrtpKeys, SrtpSuite } from '../../../src/rtp/engine.js';

export interface PacketSet {
  readonly suite: SrtpSuite;
  readonly masterKey: string;
  readonly masterSalt: string;
  readonly sdesInline: string;
  readonly sessionKeys: Readonly<Record<string, string>>;
  readonly rollover: readonly { seq: number; roc: number; rtp: string; srtp: string }[];
  readonly more: readonly { note: string; rtp: string; srtp: string }[];
  readonly tampered: { readonly base: string; readonly cases: readonly { note: string; srtp: string }[] };
  readonly srtcp: readonly { index: number; encrypted: boolean; rtcp: string; srtcp: string }[];
}

export const vectors = JSON.parse(readFileSync(new URL('../../vectors/srtp.json', import.meta.url), 'utf8'));
export const packetSets: readonly PacketSet[] = vectors.packets;

export const hex = (text: string): Buffer => Buffer.from(text, 'hex');

export const masterKeys = ({ suite, masterKey, masterSalt }: PacketSet): SrtpKeys => ({
  suite,
  key: hex(masterKey + masterSalt),
});

/** The packet in a buffer with room to grow, and what is in it after `work`. */
export function inPlace(packet: string, work: (bytes: Buffer, length: number) => number): string | number {
  const bytes = Buffer.alloc(packet.length / 2 + 32);
  bytes.write(packet, 'hex');
  const length = work(bytes, packet.length / 2);
  return length < 0 ? length : bytes.toString('hex', 0, length);
}
