import { canonicalHost, formatHostPort, type SipRequest, SipSyntaxError } from '../message/index.js';
import { DEFAULT_PORTS, type Endpoint, type Flow, type ResolvedTarget, type TransportName } from '../transport/flow.js';

/** Via on the way out, and what becomes of a received one: RFC 3261 §18.1.1, §18.2.1, §18.2.2, RFC 3581. */

const PROTOCOL: Readonly<Record<TransportName, string>> = { udp: 'UDP', tcp: 'TCP', tls: 'TLS', ws: 'WS', wss: 'WSS' };

/** A Via value of ours for a request on this transport; `rport` asks for symmetric responses (RFC 3581 §3). */
export const viaValue = (transport: TransportName, sentBy: Endpoint, branch: string): string =>
  `SIP/2.0/${PROTOCOL[transport]} ${formatHostPort(sentBy.address, sentBy.port)};branch=${branch};rport`;

/** False where the topmost Via is malformed: nothing can be read from it or added to it. */
export function hasReadableVia(request: SipRequest): boolean {
  try {
    return request.topVia.host !== '';
  } catch (error) {
    if (error instanceof SipSyntaxError) return false;
    throw error;
  }
}

/**
 * The Via values of every response to this request, topmost first: `received` is added where the sent-by is not where
 * the request came from (RFC 3261 §18.2.1), and `rport` is filled in where it was asked for (RFC 3581 §4).
 */
export function responseVias(request: SipRequest, flow: Flow): string[] {
  const vias = request.headers.list('Via');
  const top = request.topVia;
  const asksPort = top.rport !== undefined;
  if (asksPort) top.params.set('rport', String(flow.remote.port));
  if (asksPort || !sameAddress(top.host, flow.remote.address)) top.params.set('received', flow.remote.address);
  else if (!top.params.has('received')) return vias;
  else top.params.set('received', flow.remote.address);
  vias[0] = top.toString();
  return vias;
}

const sameAddress = (host: string, address: string): boolean =>
  host === address || canonicalHost(host) === canonicalHost(address);

/**
 * Where the responses to a UDP request go when its source is not the place: a peer that did not ask for rport is
 * answered at its sent-by port (RFC 3261 §18.2.2). Undefined: at its source.
 */
export function udpResponseTarget(request: SipRequest, flow: Flow): ResolvedTarget | undefined {
  const via = request.topVia;
  const port = via.port ?? DEFAULT_PORTS.udp;
  if (flow.transport !== 'udp' || via.rport !== undefined || port === flow.remote.port) return undefined;
  return { transport: 'udp', address: flow.remote.address, port };
}

/**
 * Where a new connection leads when the one a request came on is lost: the source address at the sent-by port
 * (RFC 3261 §18.2.2). Undefined for UDP, and for WebSocket peers, which cannot be connected to.
 */
export function reconnectTarget(request: SipRequest, flow: Flow): ResolvedTarget | undefined {
  const { transport } = flow;
  if (transport !== 'tcp' && transport !== 'tls') return undefined;
  const via = request.topVia;
  const target = { transport, address: flow.remote.address, port: via.port ?? DEFAULT_PORTS[transport] };
  return transport === 'tls' ? { ...target, serverName: via.host } : target;
}
