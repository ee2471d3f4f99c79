import { randomBytes } from 'node:crypto';
import { onTestFinished } from 'vitest';
import { SrtpContext, type SrtpKeys, type SrtpSuite, SUITES } from '../../../src/rtp/index.js';
import { freePorts } from '../../support/ports.js';
import { rtpPacket, type UdpPeer, udpPeer } from '../../tools/udp-peer.js';

/** The media of a scripted phone: one stream of µ-law, in clear or under SRTP, and the descriptions that announce it. */

export const newKeys = (suite: SrtpSuite): SrtpKeys => ({
  suite,
  key: randomBytes(SUITES[suite].keyBytes + SUITES[suite].saltBytes),
});

export interface OfferFields {
  readonly port: number;
  readonly version?: number;
  readonly protocol?: 'RTP/AVP' | 'RTP/SAVP';
  /** `a=crypto` values, as `1 SUITE inline:…` */
  readonly crypto?: readonly string[];
  readonly direction?: 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive';
  /** Payload type of telephone-events, default 101; false: none. */
  readonly events?: number | false;
}

/** A description of one audio stream on 127.0.0.1. */
export function describeVoice({ port, version = 1, crypto = [], direction, ...more }: OfferFields): string {
  const { protocol = crypto.length > 0 ? 'RTP/SAVP' : 'RTP/AVP', events = 101 } = more;
  const lines = ['v=0', `o=- 77 ${version} IN IP4 127.0.0.1`, 's=-', 'c=IN IP4 127.0.0.1', 't=0 0'];
  lines.push(`m=audio ${port} ${protocol} 0${events === false ? '' : ` ${events}`}`, 'a=rtpmap:0 PCMU/8000');
  if (events !== false) lines.push(`a=rtpmap:${events} telephone-event/8000`);
  lines.push('a=ptime:20', ...crypto.map((value) => `a=crypto:${value}`));
  if (direction) lines.push(`a=${direction}`);
  return `${lines.join('\r\n')}\r\n`;
}

export const cryptoValue = (tag: number, { suite, key }: SrtpKeys): string =>
  `${tag} ${suite} inline:${key.toString('base64')}`;

/** `a=crypto` lines of a description, in order. */
export function readCrypto(description: string): { readonly tag: number; readonly keys: SrtpKeys }[] {
  return [...description.matchAll(/^a=crypto:(\d+) (\S+) inline:([^\s|]+)/gm)].map(([, tag, suite, key]) => ({
    tag: Number(tag),
    keys: { suite: suite as SrtpSuite, key: Buffer.from(key!, 'base64') },
  }));
}

export const mediaPort = (description: string): number => Number(/^m=audio (\d+)/m.exec(description)![1]);

const FRAME_SAMPLES = 160;

export class Voice {
  readonly rtp: UdpPeer;
  readonly rtcp: UdpPeer;
  /** Where it speaks to. */
  target = 0;
  ssrc = randomBytes(4).readUInt32BE();
  sequence: number;
  /** What went out, in clear. */
  readonly said: Buffer[] = [];
  #sealer: SrtpContext | undefined;
  #opener: SrtpContext | undefined;
  #opened = 0;
  readonly #heard: Buffer[] = [];
  /** Packets that came and did not open. */
  unreadable = 0;

  constructor(rtp: UdpPeer, rtcp: UdpPeer, firstSequence: number) {
    this.rtp = rtp;
    this.rtcp = rtcp;
    this.sequence = firstSequence;
  }

  get port(): number {
    return this.rtp.port;
  }

  /** Seals what it says with `send`, opens what it hears with `receive`, from now on. */
  secure(keys: { readonly send: SrtpKeys; readonly receive: SrtpKeys }): void {
    this.heard();
    this.#sealer = new SrtpContext(keys.send);
    this.#opener = new SrtpContext(keys.receive);
  }

  /** The next packet, sealed where it must be. */
  next(payload: Buffer = randomBytes(FRAME_SAMPLES)): Buffer {
    const sequence = this.sequence++;
    const plain = rtpPacket({ sequence, timestamp: sequence * FRAME_SAMPLES, ssrc: this.ssrc, payload });
    this.said.push(plain);
    if (!this.#sealer) return plain;
    const room = Buffer.alloc(plain.length + 32);
    plain.copy(room);
    return room.subarray(0, this.#sealer.seal(room, plain.length));
  }

  /** Keys a digit as a telephone keypad does: a packet each 20 ms, three ends (RFC 4733 §2.5). */
  async key(event: number, durationMs: number, payloadType = 101): Promise<void> {
    const timestamp = this.sequence * FRAME_SAMPLES;
    for (let at = 20, ends = 0; ends < 3; at += 20) {
      const end = at >= durationMs;
      if (end) ends++;
      const payload = Buffer.from([event, end ? 0x8a : 0x0a, 0, 0]);
      payload.writeUInt16BE(Math.min(at, durationMs) * 8, 2);
      const marker = at === 20;
      const sequence = this.sequence++;
      this.rtp.send(rtpPacket({ sequence, timestamp, ssrc: this.ssrc, payloadType, payload, marker }), this.target);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** Says `packets` packets, `gapMs` apart by the clock. */
  async say(packets: number, gapMs = 5): Promise<void> {
    const startMs = performance.now();
    for (let index = 0; index < packets; index++) {
      const waitMs = startMs + index * gapMs - performance.now();
      if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
      this.rtp.send(this.next(), this.target);
    }
  }

  /** Packets heard so far, in clear and in order of arrival. */
  heard(): readonly Buffer[] {
    for (; this.#opened < this.rtp.got.length; this.#opened++) {
      const data = Buffer.from(this.rtp.got[this.#opened]!.data);
      const size = this.#opener ? this.#opener.open(data, data.length) : data.length;
      if (size < 0) this.unreadable++;
      else this.#heard.push(data.subarray(0, size));
    }
    return this.#heard;
  }
}

/** A voice on a free even and odd port pair; it closes with the test. */
export async function openVoice(firstSequence = 1000): Promise<Voice> {
  const port = await freePorts(2);
  const [rtp, rtcp] = [await udpPeer('127.0.0.1', port), await udpPeer('127.0.0.1', port + 1)];
  onTestFinished(() => Promise.all([rtp.close(), rtcp.close()]).then(() => {}));
  return new Voice(rtp, rtcp, firstSequence);
}
