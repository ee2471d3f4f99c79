import { randomBytes } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { readFileSync } from 'node:fs';
import { connect, type TLSSocket } from 'node:tls';
import { onTestFinished } from 'vitest';
import { freePort } from '../../support/ports.js';
import { eventually } from '../../support/program.js';
import { readSip, type SipText, uriOf, writeSip } from './sip-text.js';

/**
 * A phone that follows a test's orders to the letter: it says of its media whatever the test writes, and keeps what it
 * is told. One call at a time, over UDP or, as a caller, over TLS.
 */

export interface ScriptPhoneOptions {
  readonly user: string;
  readonly address?: string;
  /** Methods listed in Allow; absent: no Allow. */
  readonly allow?: string;
  /** Speaks TLS to this port of 127.0.0.1, trusting this authority's file. */
  readonly tls?: { readonly port: number; readonly ca: string };
}

/** One end of a call's dialog. */
interface Dialog {
  readonly callId: string;
  readonly local: string;
  remote: string;
  target: string;
  sequence: number;
}

type Send = (text: string, port: number) => void;

export class ScriptPhone {
  readonly port: number;
  /** What an INVITE is answered with: given the offer, '' to decline with 488. */
  answerWith: ((offer: string) => string) | undefined;
  /** Requests and responses that came, in order. */
  readonly got: SipText[] = [];
  /** Description that it sent last. */
  lastSent = '';
  readonly #user: string;
  readonly #address: string;
  readonly #via: string;
  readonly #allow: readonly [string, string][];
  readonly #send: Send;
  #peerPort = 0;
  #dialog: Dialog | undefined;

  constructor(options: ScriptPhoneOptions, port: number, send: Send) {
    this.port = port;
    this.#user = options.user;
    this.#address = options.address ?? '127.0.0.1';
    this.#via = `SIP/2.0/${options.tls ? 'TLS' : 'UDP'} ${this.#address}:${port};rport`;
    this.#send = send;
    this.#allow = options.allow === undefined ? [] : [['Allow', options.allow]];
  }

  /** Calls a number at the gateway; resolves with the final response, acknowledged. */
  async call(peerPort: number, called: string, host: string, offer: string): Promise<SipText> {
    this.#peerPort = peerPort;
    this.#dialog = {
      callId: randomBytes(12).toString('hex'),
      local: `<sip:${this.#user}@${this.#address}>;tag=${randomBytes(6).toString('hex')}`,
      remote: `<sip:${called}@${host}>`,
      target: `sip:${called}@${host}`,
      sequence: 0,
    };
    return this.#invite(offer);
  }

  /** A re-INVITE in the call that runs. */
  reinvite(offer: string): Promise<SipText> {
    return this.#invite(offer);
  }

  /** An INFO in the call that runs; resolves with its final response. */
  info(type: string, body: string): Promise<SipText> {
    return this.#request('INFO', body, type);
  }

  /** Ends the call and waits for the response. */
  async bye(): Promise<void> {
    await this.#request('BYE', '');
  }

  /** Last description that the other end sent. */
  get description(): string {
    return this.got.findLast(({ body }) => body !== '')!.body;
  }

  async #invite(offer: string): Promise<SipText> {
    this.lastSent = offer;
    const response = await this.#request('INVITE', offer);
    const dialog = this.#dialog!;
    if (response.status < 300) {
      dialog.remote = response.header('to');
      dialog.target = uriOf(response.header('contact'));
      this.#out('ACK', dialog.sequence, '', branch());
    } else this.#out('ACK', dialog.sequence, '', this.#lastBranch, response.header('to'));
    return response;
  }

  #lastBranch = '';

  /** Sends a request again and again until its final response. */
  async #request(method: string, body: string, type?: string): Promise<SipText> {
    const dialog = this.#dialog!;
    const sequence = ++dialog.sequence;
    this.#lastBranch = branch();
    const send = () => this.#out(method, sequence, body, this.#lastBranch, dialog.remote, type);
    send();
    const timer = this.#via.includes('UDP') ? setInterval(send, 500) : undefined;
    const matches = (message: SipText) =>
      message.status >= 100 &&
      message.header('call-id') === dialog.callId &&
      message.header('cseq') === `${sequence} ${method}`;
    try {
      await eventually(`a response to ${method}`, () => this.got.some(matches));
      clearInterval(timer);
      return await eventually(`a final response to ${method}`, () =>
        this.got.find((message) => matches(message) && message.status >= 200),
      );
    } finally {
      clearInterval(timer);
    }
  }

  #out(
    method: string,
    sequence: number,
    body: string,
    branchName: string,
    to = this.#dialog!.remote,
    type?: string,
  ): void {
    const { callId, local, target } = this.#dialog!;
    const headers: [string, string][] = [
      ['Via', `${this.#via};branch=${branchName}`],
      ['From', local],
      ['To', to],
      ['Call-ID', callId],
      ['CSeq', `${sequence} ${method}`],
      ['Contact', this.#contact],
      ['Max-Forwards', '70'],
      ...this.#allow,
    ];
    this.#send(writeSip(`${method} ${target} SIP/2.0`, headers, body, type), this.#peerPort);
  }

  get #contact(): string {
    const transport = this.#via.includes('TLS') ? ';transport=tls' : '';
    return `<sip:${this.#user}@${this.#address}:${this.port}${transport}>`;
  }

  /** A message came from `port`. */
  take(text: string, port: number): void {
    const message = readSip(text);
    this.got.push(message);
    if (message.status === 0 && message.method !== 'ACK') this.#respond(message, port);
  }

  #respond(request: SipText, port: number): void {
    if (request.method !== 'INVITE') {
      this.#answer(request, '200 OK', '', port);
      return;
    }
    this.#peerPort = port;
    const tag = this.#dialog?.callId === request.header('call-id') ? '' : `;tag=${randomBytes(6).toString('hex')}`;
    const local = request.header('to') + tag;
    this.#dialog ??= {
      callId: request.header('call-id'),
      local,
      remote: request.header('from'),
      target: uriOf(request.header('contact')),
      sequence: 0,
    };
    const description = this.answerWith?.(request.body) ?? '';
    this.#answer(request, description === '' ? '488 Not Acceptable Here' : '200 OK', description, port, local);
  }

  #answer(request: SipText, verdict: string, body: string, port: number, to = request.header('to')): void {
    const headers: [string, string][] = [
      ...request.all('via').map((via): [string, string] => ['Via', via]),
      ['From', request.header('from')],
      ['To', to],
      ['Call-ID', request.header('call-id')],
      ['CSeq', request.header('cseq')],
      ['Contact', this.#contact],
      ...this.#allow,
    ];
    this.#send(writeSip(`SIP/2.0 ${verdict}`, headers, body), port);
  }
}

const branch = (): string => `z9hG4bK${randomBytes(8).toString('hex')}`;

/** Opens a phone on a free port; it closes with the test. */
export async function openScriptPhone(options: ScriptPhoneOptions): Promise<ScriptPhone> {
  return options.tls ? overTls(options, options.tls) : overUdp(options);
}

async function overUdp(options: ScriptPhoneOptions): Promise<ScriptPhone> {
  const socket: Socket = createSocket('udp4');
  const port = await freePort();
  await new Promise<void>((resolve) => socket.bind(port, options.address ?? '127.0.0.1', resolve));
  const phone = new ScriptPhone(options, port, (text, to) => socket.send(text, to, '127.0.0.1'));
  socket.on('message', (bytes, source) => phone.take(bytes.toString('utf8'), source.port));
  onTestFinished(() => new Promise<void>((resolve) => socket.close(() => resolve())));
  return phone;
}

async function overTls(options: ScriptPhoneOptions, tls: { port: number; ca: string }): Promise<ScriptPhone> {
  const socket: TLSSocket = connect({ port: tls.port, host: '127.0.0.1', ca: readFileSync(tls.ca), servername: '' });
  await new Promise<void>((resolve, reject) => {
    socket.once('secureConnect', resolve);
    socket.once('error', reject);
  });
  const phone = new ScriptPhone(options, socket.localPort!, (text) => socket.write(text));
  let stream = '';
  socket.setEncoding('utf8').on('data', (text: string) => {
    stream += text;
    for (let size = wholeMessage(stream); size > 0; size = wholeMessage(stream)) {
      phone.take(stream.slice(0, size), tls.port);
      stream = stream.slice(size);
    }
  });
  onTestFinished(() => void socket.destroy());
  return phone;
}

/** Length of the first message of a stream, 0 while it is not all there. */
function wholeMessage(stream: string): number {
  const cut = stream.indexOf('\r\n\r\n');
  if (cut < 0) return 0;
  const size = cut + 4 + Number(readSip(stream.slice(0, cut + 4)).header('content-length') || 0);
  return size <= stream.length ? size : 0;
}
