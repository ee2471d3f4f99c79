import { isIP, type Socket } from 'node:net';
import { connect, createServer, type SecureContext, type Server, type TLSSocket } from 'node:tls';
import type { Acceptor } from './admission.js';
import { type Dial, settle } from './dialer.js';
import type { TlsFacts } from './flow.js';
import type { TransportContext } from './limits.js';
import { StreamFlow } from './stream-flow.js';
import { checkSipIdentity, namesOf } from './tls-identity.js';
import type { TlsStore } from './tls-store.js';

/**
 * TLS 1.2 and 1.3 (RFC 3261 §26.3, RFC 5922, RFC 8446) over accepted and outgoing sockets. The certificate shown
 * follows the server name asked for; new handshakes take what TlsStore holds by then.
 */
export class TlsAcceptor implements Acceptor {
  readonly #store: TlsStore;
  readonly #clientCertificate: () => 'none' | 'request' | 'require';
  readonly #context: TransportContext;
  readonly #secured: (socket: TLSSocket) => void;
  #server: Server;

  /**
   * @param clientCertificate asked at each reload
   * @param secured gets each socket whose handshake is done
   */
  constructor(
    store: TlsStore,
    clientCertificate: () => 'none' | 'request' | 'require',
    context: TransportContext,
    secured: (socket: TLSSocket) => void,
  ) {
    this.#store = store;
    this.#clientCertificate = clientCertificate;
    this.#context = context;
    this.#secured = secured;
    this.#server = this.#serve();
  }

  accept(socket: Socket): void {
    this.#server.emit('connection', socket);
  }

  /** Takes the store's present material and options for the next handshakes; those under way go on as they began. */
  refresh(): void {
    this.#server = this.#serve();
  }

  #serve(): Server {
    const context = this.#context;
    const clientCertificate = this.#clientCertificate();
    const server = createServer({
      ...this.#store.serverDefaults,
      requestCert: clientCertificate !== 'none',
      rejectUnauthorized: clientCertificate === 'require',
      handshakeTimeout: context.limits.handshakeMs,
      SNICallback: (name, done) => chooseContext(this.#store, name, done),
    });
    server.on('secureConnection', this.#secured);
    server.on('tlsClientError', (error, socket) => {
      context.counters.add('sip_tls_failures', 'in');
      context.logger.debug({ address: socket.remoteAddress, wire: error.message }, 'TLS handshake failed');
      // Node leaves it open: to a handshake that never ends or never began, too.
      socket.destroy();
    });
    return server;
  }
}

/** The name comes from the peer and may be anything: what cannot be a name ends the handshake, not the process. */
function chooseContext(
  store: TlsStore,
  name: string,
  done: (error: Error | null, context?: SecureContext) => void,
): void {
  let context: SecureContext | undefined;
  try {
    context = store.contextFor(name);
  } catch (cause) {
    done(new Error('server name is malformed', { cause }));
    return;
  }
  done(null, context);
}

/** Connects TLS: SNI and verification by the target's server name, else by its address. */
export const tlsDial =
  (store: TlsStore, context: TransportContext): Dial =>
  (target, localAddress, done) => {
    const socket = tlsConnect(store, target, localAddress);
    const facts = () => ({ ...tlsFacts(socket), ...(target.serverName && { verifiedName: target.serverName }) });
    return settle(socket, 'secureConnect', target, done, () => new StreamFlow(socket, 'tls', false, facts(), context));
  };

/** A TLS socket on its way to the target. */
export function tlsConnect(
  store: TlsStore,
  target: { readonly address: string; readonly port: number; readonly serverName?: string },
  localAddress: string | undefined,
): TLSSocket {
  const name = target.serverName ?? target.address;
  return connect({
    host: target.address,
    port: target.port,
    secureContext: store.clientContext,
    rejectUnauthorized: store.options.verifyServer ?? true,
    checkServerIdentity: (_host, certificate) => checkSipIdentity(name, certificate),
    ...(isIP(name) === 0 && { servername: name }),
    ...(localAddress && { localAddress }),
  });
}

/** What the handshake established. A name counts only from a certificate that was verified. */
export function tlsFacts(socket: TLSSocket): TlsFacts {
  // Typed as string | false | undefined over the versions of Node.
  const asked: unknown = socket.servername;
  return {
    peerNames: socket.authorized ? namesOf(socket.getPeerCertificate()) : [],
    ...(typeof asked === 'string' && asked !== '' && { serverName: asked.toLowerCase() }),
  };
}
