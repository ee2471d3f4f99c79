import { GatewayError } from '../../core/index.js';
import type { ListenerSpec } from './address.js';
import type { Acceptor } from './admission.js';
import { type Dial, tcpDial } from './dialer.js';
import type { TransportName } from './flow.js';
import type { TransportContext } from './limits.js';
import { StreamFlow } from './stream-flow.js';
import { TlsAcceptor, tlsDial, tlsFacts } from './tls.js';
import { type TlsOptions, TlsStore } from './tls-store.js';
import { WebSocketAcceptor, webSocketDial } from './websocket.js';

/** How each connection transport accepts and dials. tls and wss are there only where certificates are. */
export interface ConnectionStack {
  readonly acceptors: Partial<Record<TransportName, Acceptor>>;
  readonly dials: Partial<Record<TransportName, Dial>>;
  readonly store?: TlsStore;
  readonly tlsAcceptors: readonly TlsAcceptor[];
}

/** Builds the stack. @throws GatewayError `config.tls` when a listener needs certificates that are not there */
export function connectionStack(
  options: {
    readonly listeners: readonly ListenerSpec[];
    readonly tls?: TlsOptions;
    readonly webSocketOrigins?: readonly string[];
  },
  context: TransportContext,
): ConnectionStack {
  const webSocket = new WebSocketAcceptor(context, options.webSocketOrigins);
  const clear = {
    acceptors: {
      tcp: { accept: (socket) => void new StreamFlow(socket, 'tcp', true, undefined, context) },
      ws: webSocket,
    },
    dials: { tcp: tcpDial(context), ws: webSocketDial(context) },
  } satisfies Pick<ConnectionStack, 'acceptors' | 'dials'>;
  if (!options.tls) {
    const needy = options.listeners.find(({ transport }) => transport === 'tls' || transport === 'wss');
    if (!needy) return { ...clear, tlsAcceptors: [] };
    throw new GatewayError('config.tls', `a ${needy.transport} listener needs a certificate and a key`, {
      origin: 'local',
    });
  }
  const store = new TlsStore(options.tls);
  const tls = new TlsAcceptor(
    store,
    () => store.options.clientCertificate ?? 'none',
    context,
    (socket) => {
      new StreamFlow(socket, 'tls', true, tlsFacts(socket), context);
    },
  );
  const wss = new TlsAcceptor(
    store,
    () => 'none',
    context,
    (socket) => webSocket.accept(socket),
  );
  return {
    acceptors: { ...clear.acceptors, tls, wss },
    dials: { ...clear.dials, tls: tlsDial(store, context), wss: webSocketDial(context, store) },
    store,
    tlsAcceptors: [tls, wss],
  };
}
