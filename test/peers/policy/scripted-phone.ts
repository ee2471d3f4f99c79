import { createHash } from 'node:crypto';
import { onTestFinished } from 'vitest';
import { eventually } from '../../support/program.js';
import { type UdpPeer, udpPeer } from '../../tools/udp-peer.js';

/** What a request says; the rest is as a plain telephone would have it. */
export interface Asked {
  readonly called: string;
  readonly caller?: string;
  readonly host: string;
  readonly profile?: 'RTP/AVP' | 'RTP/SAVP';
  /** Header lines. */
  readonly headers?: readonly string[];
  /** Parts beside the session description, each with its own header lines: the body is multipart/mixed then. */
  readonly parts?: readonly string[];
}

/** A response, as far as tests read it. */
export interface Heard {
  readonly status: number;
  readonly reason: string;
  readonly text: string;
  header(name: string): string | undefined;
}

export interface Credentials {
  readonly username: string;
  readonly password: string;
  readonly nonce: string;
  /** Nonce count (RFC 7616 §3.3). */
  readonly nc: number;
}

/**
 * A telephone that says exactly what a test tells it to, from an address of its own: what SIPp cannot, such as the
 * same nonce count twice, or hearing nothing.
 */
export class ScriptedPhone {
  readonly #peer: UdpPeer;
  readonly #target: number;
  #calls = 0;

  constructor(peer: UdpPeer, target: number) {
    this.#peer = peer;
    this.#target = target;
  }

  static async start(target: number, address = '127.0.0.1'): Promise<ScriptedPhone> {
    const peer = await udpPeer(address);
    onTestFinished(() => peer.close());
    return new ScriptedPhone(peer, target);
  }

  /** Datagrams that have come. */
  get heard(): number {
    return this.#peer.got.length;
  }

  /** Sends an INVITE; gives its Call-ID. */
  send(asked: Asked): string {
    const { address, port } = this.#peer;
    const call = `${++this.#calls}-${port}`;
    const session = sessionOf(address, asked.profile ?? 'RTP/AVP');
    const body = asked.parts ? multipart([`Content-Type: application/sdp\r\n\r\n${session}`, ...asked.parts]) : session;
    const lines = [
      `INVITE sip:${asked.called}@${asked.host} SIP/2.0`,
      `Via: SIP/2.0/UDP ${address}:${port};branch=z9hG4bK${call};rport`,
      'Max-Forwards: 70',
      `From: <sip:${asked.caller ?? '+12065550100'}@${address}>;tag=${call}`,
      `To: <sip:${asked.called}@${asked.host}>`,
      `Call-ID: ${call}`,
      'CSeq: 1 INVITE',
      `Contact: <sip:phone@${address}:${port}>`,
      ...(asked.headers ?? []),
      asked.parts ? 'Content-Type: multipart/mixed;boundary=part' : 'Content-Type: application/sdp',
      `Content-Length: ${body.length}`,
    ];
    this.#peer.send(Buffer.from(`${lines.join('\r\n')}\r\n\r\n${body}`), this.#target, '127.0.0.1');
    return call;
  }

  /** Final responses of a call that have come: none, or one and its retransmissions. */
  finals(call: string): Heard[] {
    return this.#peer.got
      .map(({ data }) => heardOf(data.toString('latin1')))
      .filter((one) => one.status >= 200 && one.header('Call-ID') === call);
  }

  /** The first response of the status to any call; undefined while there is none. */
  first(status: number): Heard | undefined {
    const line = `SIP/2.0 ${status} `;
    const found = this.#peer.got.find(({ data }) => data.toString('latin1', 0, line.length) === line);
    return found && heardOf(found.data.toString('latin1'));
  }

  /** Sends an INVITE and waits for its final response, which it acknowledges. */
  async invite(asked: Asked): Promise<Heard> {
    const call = this.send(asked);
    const [final] = await eventually(`an answer to ${call}`, () => {
      const finals = this.finals(call);
      return finals.length > 0 && finals;
    });
    this.#acknowledge(asked, call, final!);
    return final!;
  }

  #acknowledge(asked: Asked, call: string, final: Heard): void {
    const { address, port } = this.#peer;
    const lines = [
      `ACK sip:${asked.called}@${asked.host} SIP/2.0`,
      `Via: SIP/2.0/UDP ${address}:${port};branch=z9hG4bK${call};rport`,
      'Max-Forwards: 70',
      `From: ${final.header('From')}`,
      `To: ${final.header('To')}`,
      `Call-ID: ${call}`,
      'CSeq: 1 ACK',
      'Content-Length: 0',
    ];
    this.#peer.send(Buffer.from(`${lines.join('\r\n')}\r\n\r\n`), this.#target, '127.0.0.1');
  }
}

/** The nonce of a challenge's MD5 line. */
export const nonceOf = (challenge: Heard): string => /nonce="([^"]+)"/.exec(challenge.text)?.[1] ?? '';

/** An Authorization line (RFC 7616, MD5, qop=auth) for an INVITE. */
export function authorization(asked: Asked, realm: string, { username, password, nonce, nc }: Credentials): string {
  const md5 = (text: string) => createHash('md5').update(text).digest('hex');
  const uri = `sip:${asked.called}@${asked.host}`;
  const count = nc.toString(16).padStart(8, '0');
  const [secret, request] = [md5(`${username}:${realm}:${password}`), md5(`INVITE:${uri}`)];
  const response = md5(`${secret}:${nonce}:${count}:cnonce:auth:${request}`);
  const fields = `username="${username}", realm="${realm}", nonce="${nonce}", uri="${uri}", response="${response}"`;
  return `Authorization: Digest ${fields}, algorithm=MD5, qop=auth, nc=${count}, cnonce="cnonce"`;
}

function heardOf(text: string): Heard {
  const [, status, reason] = /^SIP\/2\.0 (\d{3}) ([^\r\n]*)/.exec(text) ?? ['', '0', ''];
  const header = (name: string) => new RegExp(`^${name}: *(.*?)\\r?$`, 'im').exec(text)?.[1];
  return { status: Number(status), reason: reason!, text, header };
}

const multipart = (parts: readonly string[]): string =>
  `${parts.map((part) => `--part\r\n${part}\r\n`).join('')}--part--\r\n`;

const sessionOf = (address: string, profile: string): string =>
  `v=0\r\no=- 1 1 IN IP4 ${address}\r\ns=-\r\nc=IN IP4 ${address}\r\nt=0 0\r\nm=audio 40000 ${profile} 0\r\n${
    profile === 'RTP/SAVP'
      ? `a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:${Buffer.alloc(30, 7).toString('base64')}\r\n`
      : ''
  }`;
