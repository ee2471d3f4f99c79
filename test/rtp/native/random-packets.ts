/** Datagrams and descriptions as a random mixture of sane, late, lost, doubled, damaged, foreign and hostile. */
import { below, type Random, randomBytes } from '../../../src/core/index.js';
import type { RemoteDescription, SrtpKeys, SrtpSuite } from '../../../src/rtp/engine.js';
import { SrtpContext, SUITES } from '../../../src/rtp/srtp/index.js';

const SUITE_NAMES = Object.keys(SUITES) as SrtpSuite[];
const pick = <Item>(random: Random, items: readonly Item[]): Item => items[below(random, items.length)]!;
const chance = (random: Random, of: number): boolean => below(random, of) === 0;

/** One peer as it sends: its streams, its clock, its address, its keys. */
export class RandomPeer {
  address = '127.0.0.1';
  port = 40000;
  #ssrc: number;
  #sequence: number;
  #timestamp: number;
  #payloadType = 0;
  #context: SrtpContext | undefined;
  #keys: { readonly receive: SrtpKeys; readonly send: SrtpKeys } | undefined;
  #direction: RemoteDescription['direction'] = 'sendrecv';
  readonly #random: Random;
  readonly #sent: Buffer[] = [];

  constructor(random: Random) {
    this.#random = random;
    this.#ssrc = random.uint32();
    this.#sequence = below(random, 65536);
    this.#timestamp = random.uint32();
  }

  /** What the call layer says of this peer; every now and then something changes. */
  describe(): RemoteDescription {
    const random = this.#random;
    if (chance(random, 3)) this.#changeKeys();
    if (chance(random, 3)) this.port = 40000 + 2 * below(random, 4);
    this.#direction = chance(random, 4) ? pick(random, ['sendonly', 'recvonly', 'inactive'] as const) : 'sendrecv';
    return {
      address: chance(random, 12) ? pick(random, ['0.0.0.0', '203.0.113.7', 'peer.example']) : this.address,
      rtpPort: chance(random, 12) ? 0 : this.port,
      direction: this.#direction,
      formats: [
        { payloadType: 0, encoding: 'PCMU', clockRateHz: 8000 },
        { payloadType: 96, encoding: 'opus', clockRateHz: 48000 },
        ...(chance(random, 4) ? [] : [{ payloadType: 101, encoding: 'telephone-event', clockRateHz: 8000 }]),
        ...(chance(random, 3) ? [{ payloadType: 110, encoding: 'telephone-event', clockRateHz: 48000 }] : []),
        { payloadType: 102, encoding: 'CN', clockRateHz: 16000 },
      ],
      ...(chance(random, 3) && { rtcpMux: true }),
      ...(chance(random, 5) && { rtcpPort: 45000 + below(random, 3) }),
      ...(chance(random, 8) && { rtcpAddress: '127.0.0.2' }),
      ...(chance(random, 4) && { signallingAddress: '127.0.0.2' }),
      ...(chance(random, 4) && {
        allowedSources: pick(random, [['127.0.0.0/8'], ['127.0.0.1'], ['10.0.0.0/9', 'x/3']]),
      }),
      ...(chance(random, 2) && { telephoneEvents: pick(random, ['drop', 'play'] as const) }),
      ...(chance(random, 15) ? { kind: 'udptl' as const } : {}),
      ...(this.#keys && { srtp: this.#keys }),
    };
  }

  /** The next datagram: for the RTP or the RTCP port. */
  next(other: RandomPeer): { readonly rtcp: boolean; readonly datagram: Buffer } {
    const random = this.#random;
    const dice = below(random, 200);
    if (dice < 2) return { rtcp: chance(random, 4), datagram: randomBytes(random, below(random, 80)) };
    if (dice < 3) return { rtcp: chance(random, 4), datagram: Buffer.from([below(random, 80), 1, 2, 3]) };
    if (dice < 10 && this.#sent.length > 0) return { rtcp: false, datagram: Buffer.from(pick(random, this.#sent)) };
    if (dice < 16) return this.#rtcp(other);
    const datagram = this.#seal(this.#rtp(), (context, bytes, length) => context.seal(bytes, length));
    if (dice < 20) return { rtcp: false, datagram: damaged(random, datagram) };
    return { rtcp: false, datagram };
  }

  #changeKeys(): void {
    const suite = pick(this.#random, SUITE_NAMES);
    const key = (): SrtpKeys => ({
      suite,
      key: randomBytes(this.#random, SUITES[suite].keyBytes + SUITES[suite].saltBytes),
    });
    this.#keys = chance(this.#random, 3) ? undefined : { receive: key(), send: key() };
    this.#context = this.#keys && new SrtpContext(this.#keys.receive);
    this.#sent.length = 0;
  }

  #rtp(): Buffer {
    const random = this.#random;
    if (chance(random, 400)) this.#ssrc = random.uint32();
    if (chance(random, 300)) this.#sequence = (this.#sequence + below(random, 65536)) & 0xffff;
    if (chance(random, 300)) this.#timestamp = random.uint32();
    if (chance(random, 60)) this.#payloadType = pick(random, [0, 0, 0, 8, 13, 96, 99, 101, 102, 9, 14]);
    this.#sequence = (this.#sequence + (chance(random, 25) ? 1 + below(random, 6) : 1)) & 0xffff;
    this.#timestamp = (this.#timestamp + 160) >>> 0;
    // Late by a few: the number goes back for this packet only.
    const sequence = chance(random, 30) ? (this.#sequence - below(random, 140)) & 0xffff : this.#sequence;
    const csrcs = chance(random, 40) ? below(random, 4) : 0;
    const extension = chance(random, 40) ? 4 + 4 * below(random, 3) : 0;
    const payload = this.#payloadType === 101 ? 4 : below(random, 170);
    const packet = randomBytes(random, 12 + 4 * csrcs + extension + payload);
    packet[0] = 0x80 | csrcs | (extension > 0 ? 0x10 : 0) | (chance(random, 60) ? 0x20 : 0);
    packet[1] = this.#payloadType | (chance(random, 50) ? 0x80 : 0);
    packet.writeUInt16BE(sequence, 2);
    packet.writeUInt32BE(this.#timestamp, 4);
    packet.writeUInt32BE(this.#ssrc, 8);
    if (extension > 0) packet.writeUInt16BE(extension / 4 - 1, 12 + 4 * csrcs + 2);
    return packet;
  }

  /** Reports of this peer about what the other sends, with every kind of packet behind them. */
  #rtcp(other: RandomPeer): { readonly rtcp: boolean; readonly datagram: Buffer } {
    const random = this.#random;
    const parts = [this.#report(other)];
    if (chance(random, 2)) parts.push(sdes(random, this.#ssrc));
    if (chance(random, 5)) parts.push(voipMetrics(random, other.#ssrc));
    if (chance(random, 9)) parts.push(header(203, 1, 8, this.#ssrc));
    if (chance(random, 9)) parts.push(Buffer.concat([header(204, 3, 12, this.#ssrc), Buffer.alloc(4, 65)]));
    if (chance(random, 9)) parts.push(header(199, 2, 8, this.#ssrc));
    const datagram = this.#seal(Buffer.concat(parts), (context, bytes, length) => context.sealRtcp(bytes, length));
    return { rtcp: !chance(random, 3), datagram: chance(random, 8) ? damaged(random, datagram) : datagram };
  }

  #report(other: RandomPeer): Buffer {
    const random = this.#random;
    const count = below(random, 3);
    const isSender = chance(random, 2);
    const packet = Buffer.concat([
      header(isSender ? 200 : 201, count, (isSender ? 28 : 8) + 24 * count, this.#ssrc),
      randomBytes(random, (isSender ? 20 : 0) + 24 * count),
    ]);
    if (isSender) other.#lastSr = packet.readUInt32BE(10);
    for (let block = 0; block < count; block++) {
      const at = (isSender ? 28 : 8) + 24 * block;
      if (!chance(random, 4)) packet.writeUInt32BE(other.#ssrc, at);
      if (!chance(random, 4)) packet.writeUInt32BE(this.#lastSr, at + 16);
      packet.writeUInt32BE(below(random, 70000), at + 20);
    }
    return packet;
  }
  #lastSr = 0;

  #seal(plain: Buffer, seal: (context: SrtpContext, bytes: Buffer, length: number) => number): Buffer {
    if (!this.#context) return this.#keep(plain);
    const bytes = Buffer.concat([plain, Buffer.alloc(20)]);
    const length = seal(this.#context, bytes, plain.length);
    return length < 0 ? plain : this.#keep(bytes.subarray(0, length));
  }

  #keep(datagram: Buffer): Buffer {
    this.#sent.push(Buffer.from(datagram));
    if (this.#sent.length > 80) this.#sent.shift();
    return datagram;
  }
}

function header(type: number, count: number, sizeBytes: number, ssrc: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes[0] = 0x80 | count;
  bytes[1] = type;
  bytes.writeUInt16BE(sizeBytes / 4 - 1, 2);
  bytes.writeUInt32BE(ssrc, 4);
  return bytes;
}

function sdes(random: Random, ssrc: number): Buffer {
  const name = `peer${below(random, 1000)}`;
  const used = 4 + 2 + name.length;
  const body = Buffer.alloc(used + 4 - (used & 3));
  body.writeUInt32BE(ssrc, 0);
  body[4] = chance(random, 4) ? 6 : 1;
  body[5] = name.length;
  body.write(name, 6);
  return Buffer.concat([header(202, 1, 4 + body.length, 0).subarray(0, 4), body]);
}

function voipMetrics(random: Random, ssrc: number): Buffer {
  const block = randomBytes(random, 36);
  block[0] = 7;
  block.writeUInt16BE(8, 2);
  if (!chance(random, 4)) block.writeUInt32BE(ssrc, 4);
  return Buffer.concat([header(207, 0, 8 + block.length, ssrc), block]);
}

/** A bit flipped, octets cut off, or some appended. */
function damaged(random: Random, datagram: Buffer): Buffer {
  const bytes = Buffer.from(datagram);
  const how = below(random, 3);
  if (how === 0) return bytes.subarray(0, below(random, bytes.length + 1));
  if (how === 1) return Buffer.concat([bytes, randomBytes(random, 1 + below(random, 8))]);
  const at = below(random, Math.max(1, bytes.length));
  if (at < bytes.length) bytes[at] = bytes[at]! ^ (1 << below(random, 8));
  return bytes;
}
