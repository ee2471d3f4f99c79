import { isUtf8 } from 'node:buffer';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import { WebSocket, WebSocketServer } from 'ws';
import type { GatewayError, Timer } from '../../core/index.js';
import { formatHostPort } from '../message/index.js';
import type { Acceptor } from './admission.js';
import { ConnectionFlow } from './connection-flow.js';
import { type Dial, type Dialed, type Dialing, dialError } from './dialer.js';
import type { ResolvedTarget } from './flow.js';
import { maxMessageBytes, type TransportContext } from './limits.js';
import { endpoints } from './stream-flow.js';
import { tlsConnect, tlsFacts } from './tls.js';
import type { TlsStore } from './tls-store.js';

const SUBPROTOCOL = 'sip';

/**
 * SIP over WebSocket (RFC 7118), plain and over TLS: subprotocol `sip`, one message in one WebSocket message, text or
 * binary. Framing is the WebSocket's, so a message without Content-Length ends with its frame (§5).
 * A CRLFCRLF message is a ping as on streams (RFC 5626); WebSocket pings find peers that are gone.
 */
export class WebSocketFlow extends ConnectionFlow {
  readonly #ws: WebSocket;
  #missedPings = 0;
  #pinger: Timer | undefined;

  constructor(ws: WebSocket, socket: Socket, inbound: boolean, context: TransportContext) {
    const tls = socket instanceof TLSSocket ? tlsFacts(socket) : undefined;
    super({ transport: tls ? 'wss' : 'ws', inbound, ...endpoints(socket), ...(tls && { tls }) }, context);
    this.#ws = ws;
    ws.on('message', (data) => this.#received(data as Buffer));
    ws.on('pong', () => {
      this.#missedPings = 0;
    });
    ws.on('error', (error) => this.fail('reset', error.message, error));
    ws.on('close', () => this.fail('closed', 'the peer closed the connection'));
    this.onEnd(() => this.#pinger?.cancel());
    this.#schedulePing();
  }

  protected override write(bytes: Buffer): void {
    // A text frame must be UTF-8 or the peer closes the connection (RFC 6455 §8.1).
    this.#ws.send(bytes, { binary: !isUtf8(bytes) });
  }

  protected override queuedBytes(): number {
    return this.#ws.bufferedAmount;
  }

  protected override end(): void {
    this.#ws.close(1000);
  }

  protected override destroy(): void {
    this.#ws.terminate();
  }

  protected override onSocketClosed(callback: () => void): void {
    this.#ws.once('close', callback);
  }

  #received(bytes: Buffer): void {
    if (this.closed) return;
    if (bytes.length > 4 || !/^[\r\n]*$/.test(bytes.toString('latin1'))) {
      this.deliver(bytes);
      return;
    }
    if (bytes.length === 4) this.answerPing((taken) => this.#ws.send('\r\n', taken));
    else this.alive();
  }

  #schedulePing(): void {
    this.#pinger = this.context.scheduler.after(this.context.limits.webSocketPingMs, () => {
      if (this.#missedPings >= 2) {
        this.fail('closed', 'the peer does not answer pings');
        return;
      }
      this.#missedPings++;
      this.#ws.ping();
      this.#schedulePing();
    });
  }
}

/** Upgrades accepted HTTP connections; anything but a WebSocket of subprotocol `sip` is refused. */
export class WebSocketAcceptor implements Acceptor {
  readonly #context: TransportContext;
  readonly #http: Server;
  readonly #webSockets: WebSocketServer;
  readonly #origins: ReadonlySet<string>;
  /** Sockets that have not upgraded yet, and when they must have. */
  readonly #deadlines = new WeakMap<Duplex, Timer>();

  /** @param origins of pages whose scripts may connect (RFC 6454); none: any. Who is no browser names none, and may. */
  constructor(context: TransportContext, origins: readonly string[] = []) {
    this.#context = context;
    this.#origins = new Set(origins);
    this.#webSockets = new WebSocketServer({
      noServer: true,
      maxPayload: maxMessageBytes(context.limits),
      handleProtocols: () => SUBPROTOCOL,
    });
    this.#http = createServer((_request, response) => {
      response.writeHead(426, { Connection: 'close', Upgrade: 'websocket' }).end();
    });
    this.#http.on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head));
    this.#http.on('clientError', (_error, socket) => socket.destroy());
  }

  accept(socket: Socket): void {
    const deadline = this.#context.scheduler.after(this.#context.limits.handshakeMs, () => {
      this.#context.counters.add('sip_connections_refused', 'no-upgrade');
      socket.destroy();
    });
    this.#deadlines.set(socket, deadline);
    // Between upgrade and refusal nobody else listens for the socket's errors.
    socket.on('error', () => this.#context.counters.add('sip_socket_errors', 'ws'));
    socket.once('close', () => deadline.cancel());
    this.#http.emit('connection', socket);
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const offered = (request.headers['sec-websocket-protocol'] ?? '')
      .split(',')
      .map((name) => name.trim().toLowerCase());
    if (!offered.includes(SUBPROTOCOL)) return this.#refuse(socket, 'subprotocol', '400 Bad Request');
    const { origin } = request.headers;
    if (this.#origins.size > 0 && origin !== undefined && !this.#origins.has(origin.toLowerCase()))
      return this.#refuse(socket, 'origin', '403 Forbidden');
    this.#webSockets.handleUpgrade(request, socket, head, (ws) => {
      this.#deadlines.get(socket)?.cancel();
      new WebSocketFlow(ws, socket as Socket, true, this.#context);
    });
  }

  #refuse(socket: Duplex, reason: string, status: string): void {
    this.#context.counters.add('sip_connections_refused', reason);
    socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
  }
}

/** Connects as a WebSocket client, over TLS when a store is given. */
export const webSocketDial =
  (context: TransportContext, store?: TlsStore): Dial =>
  (target, localAddress, done) => {
    const { address: host, port } = target;
    const from = localAddress === undefined ? {} : { localAddress };
    const socket = store ? tlsConnect(store, target, localAddress) : connect({ host, port, ...from });
    const url = `${store ? 'wss' : 'ws'}://${formatHostPort(target.serverName ?? host, port)}/`;
    const maxPayload = maxMessageBytes(context.limits);
    const ws = new WebSocket(url, SUBPROTOCOL, {
      perMessageDeflate: false,
      maxPayload,
      createConnection: () => socket,
    });
    return settleWebSocket(ws, socket, target, done, () => new WebSocketFlow(ws, socket, false, context));
  };

/** Waits for the upgrade; between TCP connected and TLS secured a failure is `transport.tls`, else `transport.refused`. */
function settleWebSocket(
  ws: WebSocket,
  socket: Socket,
  target: ResolvedTarget,
  done: Dialed,
  flow: () => WebSocketFlow,
): Dialing {
  let handshaking = false;
  let settled = false;
  const settle = (outcome: () => WebSocketFlow | GatewayError): void => {
    if (settled) return;
    settled = true;
    done(outcome());
  };
  if (socket instanceof TLSSocket) {
    socket.once('connect', () => {
      handshaking = true;
    });
    socket.once('secureConnect', () => {
      handshaking = false;
    });
  }
  ws.on('error', (error) => settle(() => dialError(target, handshaking ? 'tls' : 'refused', error)));
  ws.once('open', () => settle(flow));
  return {
    abort: () => {
      settled = true;
      ws.terminate();
    },
  };
}
