import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { onTestFinished } from 'vitest';
import { freePort } from '../../support/ports.js';

/** How the far end treats an INVITE. */
export interface Manner {
  /** Final status; `silent`: nothing at all. */
  readonly status: number | 'silent';
  readonly rings?: boolean;
  /** Header lines of the final response. */
  readonly headers?: readonly string[];
}

/** The answering side over UDP: OPTIONS and BYE get 200, INVITE what its manner says; it can go away and come back. */
export class FarEnd {
  readonly port: number;
  readonly address: string;
  manner: Manner;
  /** INVITEs, retransmissions left out. */
  invites = 0;
  options = 0;
  /** INVITEs as they came, retransmissions left out. */
  readonly inviteTexts: string[] = [];
  /** Requests but INVITE, ACK and OPTIONS, as text. */
  readonly requests: string[] = [];
  #socket: Socket | undefined;
  readonly #seen = new Set<string>();

  constructor(port: number, manner: Manner, address: string) {
    this.port = port;
    this.manner = manner;
    this.address = address;
  }

  static async start(manner: Manner = { status: 200 }, address = '127.0.0.1'): Promise<FarEnd> {
    const farEnd = new FarEnd(await freePort(), manner, address);
    await farEnd.open();
    onTestFinished(() => farEnd.close());
    return farEnd;
  }

  open(): Promise<void> {
    const socket = createSocket({ type: 'udp4', recvBufferSize: 1 << 20 });
    this.#socket = socket;
    socket.on('message', (data, from) => this.#hear(data.toString('latin1'), from));
    return new Promise((resolve) => socket.bind(this.port, this.address, resolve));
  }

  close(): Promise<void> {
    const socket = this.#socket;
    this.#socket = undefined;
    return socket ? new Promise((resolve) => socket.close(() => resolve())) : Promise.resolve();
  }

  #hear(text: string, from: RemoteInfo): void {
    const method = text.slice(0, text.indexOf(' '));
    if (method === 'OPTIONS') this.options++;
    if (method === 'ACK' || method.startsWith('SIP/')) return;
    if (method !== 'INVITE' && method !== 'OPTIONS') this.requests.push(text);
    if (method !== 'INVITE') return this.#send(text, from, 200);
    const branch = /branch=([^;\s]+)/.exec(text)?.[1] ?? '';
    if (!this.#seen.has(branch)) {
      this.invites++;
      this.inviteTexts.push(text);
    }
    this.#seen.add(branch);
    const { status, rings, headers = [] } = this.manner;
    if (status === 'silent') return;
    if (rings) this.#send(text, from, 180);
    this.#send(text, from, status, headers);
  }

  #send(request: string, from: RemoteInfo, status: number, headers: readonly string[] = []): void {
    const rows = request.split('\r\n');
    const of = (name: string) => rows.filter((row) => row.toLowerCase().startsWith(`${name}:`));
    const to = of('to').map((row) => (row.includes(';tag=') ? row : `${row};tag=far${this.port}`));
    const invite = request.startsWith('INVITE');
    const body = invite && status === 200 ? description(this.address) : '';
    const lines = [
      `SIP/2.0 ${status} Status ${status}`,
      ...of('via'),
      ...of('from'),
      ...to,
      ...of('call-id'),
      ...of('cseq'),
    ];
    lines.push(`Contact: <sip:far@${this.address}:${this.port}>`, ...headers);
    if (body) lines.push('Content-Type: application/sdp');
    const text = [...lines, `Content-Length: ${body.length}`, '', body].join('\r\n');
    this.#socket?.send(text, from.port, from.address);
  }
}

const description = (address: string): string =>
  `v=0\r\no=far 1 1 IN IP4 ${address}\r\ns=-\r\nc=IN IP4 ${address}\r\nt=0 0\r\nm=audio 40000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n`;
