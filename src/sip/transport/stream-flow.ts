import type { Socket } from 'node:net';
import { StreamFramer } from '../message/index.js';
import { plainAddress } from './address.js';
import { ConnectionFlow } from './connection-flow.js';
import type { TlsFacts } from './flow.js';
import type { TransportContext } from './limits.js';

const PONG = Buffer.from('\r\n');
/** A ping that is not whole yet, or a lone CRLF some phones keep a connection open with: no message has begun. */
const KEEP_ALIVE_PART_BYTES = 3;

/**
 * SIP over TCP and TLS (RFC 3261 §18.3): bytes are cut into messages by Content-Length; CRLFCRLF between messages is a
 * ping and gets CRLF (RFC 5626 §4.4.1). What cannot be framed ends the connection, since nothing after it can be
 * trusted; the receiver first gets the chance to answer it.
 */
export class StreamFlow extends ConnectionFlow {
  readonly #socket: Socket;
  readonly #framer: StreamFramer;

  constructor(
    socket: Socket,
    transport: 'tcp' | 'tls',
    inbound: boolean,
    tls: TlsFacts | undefined,
    context: TransportContext,
  ) {
    super({ transport, inbound, ...endpoints(socket), ...(tls && { tls }) }, context);
    this.#socket = socket;
    this.#framer = new StreamFramer(context.limits.message, inbound ? 'server' : 'client');
    socket.setNoDelay(true);
    socket.setKeepAlive(true, 60_000);
    socket.on('data', (bytes) => this.#received(bytes));
    socket.on('end', () => this.fail('closed', 'the peer closed the connection'));
    socket.on('error', (error) => this.fail('reset', error.message, error));
    socket.on('close', () => this.fail('closed', 'the connection is gone'));
  }

  protected override write(bytes: Buffer): void {
    this.#socket.write(bytes);
  }

  protected override queuedBytes(): number {
    return this.#socket.writableLength;
  }

  protected override end(): void {
    this.#socket.end();
  }

  protected override destroy(): void {
    this.#socket.destroy();
  }

  protected override onSocketClosed(callback: () => void): void {
    this.#socket.once('close', callback);
  }

  #received(bytes: Buffer): void {
    if (this.closed) return;
    this.#framer.push(bytes);
    while (!this.closed) {
      const outcome = this.#framer.next();
      switch (outcome.kind) {
        case 'message':
          this.partial(false);
          this.deliver(outcome.bytes);
          break;
        case 'keepalive-ping':
          this.answerPing((taken) => this.#socket.write(PONG, taken));
          break;
        case 'keepalive-pong':
          this.alive();
          break;
        case 'more':
          this.partial(this.#framer.pendingBytes > KEEP_ALIVE_PART_BYTES);
          return;
        case 'error':
          this.context.counters.add('sip_messages_dropped', 'framing');
          this.context.receiver.malformed(this, outcome.error);
          this.fail('framing', outcome.error.reason, undefined, true);
          return;
      }
    }
  }
}

/** Both ends of a connected socket. */
export function endpoints(socket: Socket) {
  return {
    local: { address: plainAddress(socket.localAddress ?? ''), port: socket.localPort ?? 0 },
    remote: { address: plainAddress(socket.remoteAddress ?? ''), port: socket.remotePort ?? 0 },
  };
}
