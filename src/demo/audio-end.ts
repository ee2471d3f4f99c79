import { createSocket, type Socket } from 'node:dgram';
import { type Random, type Scheduler, systemScheduler, type Timer } from '../core/index.js';
import {
  decodeRtcp,
  decodeRtp,
  encodeSenderReport,
  encodeSourceDescription,
  middle32,
  ntpFromWall,
  type ReportBlock,
  RtpView,
  SDES_ITEM,
} from '../rtp/packet/index.js';

/**
 * One end of a demonstration call's audio: says its speech as G.711 µ-law in packets of 20 ms, listens, and reports
 * what it received by RTCP every two seconds (RFC 3550 §6.4.1).
 *
 *     frames ─► RTP socket (even port)   ◄─ what the other says: counted, kept
 *     SR + SDES ─► RTCP socket (port + 1) ◄─ SR: remembered for LSR and DLSR
 */

const FRAME_MS = 20;
export const FRAME_SAMPLES = 160;
const REPORT_MS = 2000;
const PORT_TRIES = 50;

export interface RemoteAudio {
  readonly address: string;
  readonly port: number;
}

export class AudioEnd {
  readonly address: string;
  readonly port: number;
  /** Payloads received, in order of arrival. */
  readonly heard: Buffer[] = [];
  sent = 0;
  readonly #rtp: Socket;
  readonly #rtcp: Socket;
  readonly #frames: readonly Buffer[];
  readonly #scheduler: Scheduler;
  readonly #ssrc: number;
  readonly #sequence: number;
  readonly #timestamp: number;
  readonly #timers: { frame?: Timer; report?: Timer } = {};
  readonly #view = new RtpView();
  #far: FarSource | undefined;

  private constructor(sockets: readonly [Socket, Socket], frames: readonly Buffer[], random: Random) {
    [this.#rtp, this.#rtcp] = sockets;
    ({ address: this.address, port: this.port } = this.#rtp.address());
    this.#frames = frames;
    this.#scheduler = systemScheduler;
    this.#ssrc = random.uint32();
    this.#sequence = random.uint32() & 0x7fff;
    this.#timestamp = random.uint32();
    this.#rtp.on('message', (packet) => this.#onRtp(packet));
    this.#rtcp.on('message', (packet) => this.#onRtcp(packet));
  }

  /** Binds an even port and the one above it on `address`. */
  static async open(address: string, frames: readonly Buffer[], random: Random): Promise<AudioEnd> {
    for (let tries = 0; tries < PORT_TRIES; tries++) {
      const port = 20_000 + 2 * (random.uint32() % 5000);
      const sockets = await bindPair(address, port);
      if (sockets) return new AudioEnd(sockets, frames, random);
    }
    throw new Error(`no free pair of media ports on ${address}`);
  }

  /** Session description of this end (RFC 8866); the same as offer and as answer. */
  sdp(): Buffer {
    const lines = ['v=0', `o=- ${this.#ssrc} 1 IN IP4 ${this.address}`, 's=-', `c=IN IP4 ${this.address}`, 't=0 0'];
    lines.push(`m=audio ${this.port} RTP/AVP 0`, 'a=rtpmap:0 PCMU/8000', 'a=ptime:20', 'a=sendrecv');
    return Buffer.from(`${lines.join('\r\n')}\r\n`, 'latin1');
  }

  /** Begins to speak to `remote`. */
  start(remote: RemoteAudio): void {
    const startMs = this.#scheduler.nowMs();
    const speak = (): void => {
      const frame = this.#frames[this.sent];
      if (!frame) return;
      this.#rtp.send(this.#packet(frame), remote.port, remote.address);
      this.sent++;
      const dueMs = startMs + this.sent * FRAME_MS;
      this.#timers.frame = this.#scheduler.after(Math.max(0, dueMs - this.#scheduler.nowMs()), speak);
    };
    const report = (): void => {
      this.#rtcp.send(this.#report(), remote.port + 1, remote.address);
      this.#timers.report = this.#scheduler.after(REPORT_MS, report);
    };
    speak();
    this.#timers.report = this.#scheduler.after(REPORT_MS, report);
  }

  /** Says no more, and still listens. */
  silence(): void {
    this.#timers.frame?.cancel();
    this.#timers.report?.cancel();
  }

  stop(): void {
    this.silence();
    this.#rtp.close();
    this.#rtcp.close();
  }

  #packet(frame: Buffer): Buffer {
    const packet = Buffer.alloc(12 + frame.length);
    packet[0] = 0x80;
    packet[1] = this.sent === 0 ? 0x80 : 0;
    packet.writeUInt16BE((this.#sequence + this.sent) & 0xffff, 2);
    packet.writeUInt32BE((this.#timestamp + this.sent * FRAME_SAMPLES) >>> 0, 4);
    packet.writeUInt32BE(this.#ssrc, 8);
    frame.copy(packet, 12);
    return packet;
  }

  #onRtp(packet: Buffer): void {
    if (decodeRtp(packet, this.#view) !== undefined) return;
    const { ssrc, sequence, timestamp, payloadOffset, payloadBytes } = this.#view;
    this.#far ??= new FarSource(ssrc, sequence);
    this.#far.received(sequence, timestamp, this.#scheduler.nowMs());
    this.heard.push(packet.subarray(payloadOffset, payloadOffset + payloadBytes));
  }

  #onRtcp(packet: Buffer): void {
    const outcome = decodeRtcp(packet);
    if (!outcome.ok) return;
    for (const part of outcome.packets) {
      if (part.type === 'sr') this.#far?.reported(part.ntpSeconds, part.ntpFraction, this.#scheduler.nowMs());
    }
  }

  #report(): Buffer {
    const now = ntpFromWall(this.#scheduler.wallMs());
    const report = encodeSenderReport({
      type: 'sr',
      ssrc: this.#ssrc,
      ntpSeconds: now.seconds,
      ntpFraction: now.fraction,
      rtpTimestamp: (this.#timestamp + this.sent * FRAME_SAMPLES) >>> 0,
      packets: this.sent,
      octets: this.sent * FRAME_SAMPLES,
      blocks: this.#far ? [this.#far.block(this.#scheduler.nowMs())] : [],
    });
    const chunk = { ssrc: this.#ssrc, items: [{ type: SDES_ITEM.cname, text: `demo@${this.address}` }] };
    return Buffer.concat([report, encodeSourceDescription({ type: 'sdes', chunks: [chunk] })]);
  }
}

/** What this end knows of the source it hears. Good for a call on loopback: no wrap, no change of source. */
class FarSource {
  readonly #ssrc: number;
  readonly #first: number;
  #highest: number;
  #packets = 0;
  #jitterTs = 0;
  #transitTs: number | undefined;
  #lastSr = 0;
  #lastSrAtMs = 0;

  constructor(ssrc: number, sequence: number) {
    this.#ssrc = ssrc;
    this.#first = sequence;
    this.#highest = sequence;
  }

  /** RFC 3550 §6.4.1 and appendix A.8. */
  received(sequence: number, timestamp: number, nowMs: number): void {
    this.#packets++;
    this.#highest = Math.max(this.#highest, sequence);
    const transitTs = nowMs * 8 - timestamp;
    if (this.#transitTs !== undefined) {
      this.#jitterTs += (Math.abs(transitTs - this.#transitTs) - this.#jitterTs) / 16;
    }
    this.#transitTs = transitTs;
  }

  reported(ntpSeconds: number, ntpFraction: number, nowMs: number): void {
    this.#lastSr = middle32(ntpSeconds, ntpFraction);
    this.#lastSrAtMs = nowMs;
  }

  block(nowMs: number): ReportBlock {
    const lost = Math.max(0, this.#highest - this.#first + 1 - this.#packets);
    return {
      ssrc: this.#ssrc,
      fractionLost: 0,
      cumulativeLost: lost,
      extendedHighest: this.#highest,
      jitterTs: Math.round(this.#jitterTs),
      lastSr: this.#lastSr,
      delaySinceLastSr: this.#lastSr === 0 ? 0 : Math.round(((nowMs - this.#lastSrAtMs) * 65_536) / 1000),
    };
  }
}

async function bindPair(address: string, port: number): Promise<readonly [Socket, Socket] | undefined> {
  const rtp = await bind(address, port);
  if (!rtp) return undefined;
  const rtcp = await bind(address, port + 1);
  if (rtcp) return [rtp, rtcp];
  rtp.close();
  return undefined;
}

function bind(address: string, port: number): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const socket = createSocket('udp4');
    socket.once('error', () => {
      socket.close();
      resolve(undefined);
    });
    socket.bind({ address, port, exclusive: true }, () => resolve(socket));
  });
}
