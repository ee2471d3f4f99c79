import { createServer, type Server, type Socket } from 'node:net';
import { sourceNetwork } from '../../core/index.js';
import { type ListenerSpec, plainAddress } from './address.js';
import type { Endpoint } from './flow.js';
import type { TransportContext } from './limits.js';
import { bindError } from './udp.js';

/** Counts accepted connections in all and by source (an IPv6 /64 is one), so that no peer can take all there are. */
export class Admission {
  readonly #context: TransportContext;
  readonly #bySource = new Map<string, number>();
  readonly #sockets = new Set<Socket>();

  constructor(context: TransportContext) {
    this.#context = context;
  }

  get size(): number {
    return this.#sockets.size;
  }

  /** Keeps the socket on the books until it closes, or destroys it. */
  admit(socket: Socket): boolean {
    const address = plainAddress(socket.remoteAddress ?? '');
    const source = sourceNetwork(address);
    const reason = this.#refusal(address, source);
    if (reason) {
      this.#context.counters.add('sip_connections_refused', reason);
      socket.destroy();
      return false;
    }
    this.#sockets.add(socket);
    this.#bySource.set(source, (this.#bySource.get(source) ?? 0) + 1);
    socket.once('close', () => this.#leave(socket, source));
    return true;
  }

  /** Destroys every accepted socket, whatever stage it is in. */
  destroyAll(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #refusal(address: string, source: string): string | undefined {
    const { limits, guard } = this.#context;
    if (address === '') return 'gone';
    if (!guard.admitConnection(address)) return 'denied';
    if (this.#sockets.size >= limits.connections) return 'too-many';
    if ((this.#bySource.get(source) ?? 0) >= limits.connectionsPerSource) return 'too-many-of-source';
    return undefined;
  }

  #leave(socket: Socket, source: string): void {
    this.#sockets.delete(socket);
    const left = (this.#bySource.get(source) ?? 1) - 1;
    if (left > 0) this.#bySource.set(source, left);
    else this.#bySource.delete(source);
  }
}

/** What turns an accepted socket into a flow: TCP at once, TLS after its handshake, WebSocket after its upgrade. */
export interface Acceptor {
  accept(socket: Socket): void;
}

/** A listening socket for connections; admission comes before anything is read or any handshake is begun. */
export class ConnectionListener {
  readonly spec: ListenerSpec;
  readonly #context: TransportContext;
  readonly #server: Server;
  #bound: Endpoint;

  constructor(spec: ListenerSpec, acceptor: Acceptor, admission: Admission, context: TransportContext) {
    this.spec = spec;
    this.#context = context;
    this.#bound = { address: spec.address, port: spec.port };
    this.#server = createServer((socket) => {
      // The socket may fail before the acceptor listens; a flow adds its own handler.
      socket.on('error', () => context.counters.add('sip_socket_errors', spec.transport));
      if (admission.admit(socket)) acceptor.accept(socket);
    });
  }

  get bound(): Endpoint {
    return this.#bound;
  }

  /** Binds and listens. Rejects with `transport.bind`. */
  async listen(): Promise<void> {
    const { address, port } = this.spec;
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', (cause) => reject(bindError(this.spec, cause)));
      this.#server.listen({ host: address, port, ipv6Only: true, exclusive: true, backlog: 1024 }, resolve);
    });
    const bound = this.#server.address();
    if (bound && typeof bound === 'object') this.#bound = { address, port: bound.port };
    this.#server.removeAllListeners('error').on('error', (err) => {
      this.#context.counters.add('sip_socket_errors', this.spec.transport);
      this.#context.logger.warn({ transport: this.spec.transport, err }, 'SIP listener error');
    });
  }

  /** Accepts no more; connections already open are left. */
  close(): void {
    this.#server.close();
  }
}
