import type { AuthenticationFacts, RequestFacts } from '../routing/index.js';
import {
  canonicalHost,
  decodeUtf8,
  type InboundRequest,
  NameAddress,
  SipSyntaxError,
  type SipUri,
} from '../sip/index.js';
import { offerProfile, sessionOf } from './session-body.js';

/** What policy judges a request by, read from the message and its flow. Nothing here throws on what a peer sent. */
export function requestFacts(
  incoming: InboundRequest,
  localAddresses: readonly string[],
  judge: (facts: RequestFacts) => AuthenticationFacts = () => ({ state: 'none' }),
): RequestFacts {
  const { request, flow } = incoming;
  const uri = request.uri;
  const base: RequestFacts = {
    method: request.method,
    requestUri: { scheme: uri.scheme, user: userOf(uri), host: canonicalHost(uri.host), port: uri.port },
    toHost: canonicalHost(request.to.sipUri.host),
    toUser: userOf(request.to.sipUri),
    fromUser: userOf(request.from.sipUri),
    assertedUser: assertedUser(request.headers.list('P-Asserted-Identity')),
    source: {
      address: flow.remote.address,
      port: flow.remote.port,
      protocol: flow.transport.toUpperCase() as RequestFacts['source']['protocol'],
    },
    tlsServerName: flow.tls?.serverName,
    tlsPeerNames: flow.tls?.peerNames ?? [],
    localAddresses,
    offer: offerProfile(sessionOf(request)),
    authentication: { state: 'none' },
  };
  return { ...base, authentication: judge(base) };
}

/** User of a sip: URI, unescaped; number of a tel: URI; '' where there is none. */
export function userOf(uri: SipUri): string {
  const text = uri.isSip ? (uri.unescapedUser ?? '') : uri.opaque;
  return decodeUtf8(text.split(';', 1)[0]!);
}

/** User of the first P-Asserted-Identity that names one (RFC 3325 §9.1: at most one sip and one tel URI). */
function assertedUser(values: readonly string[]): string | undefined {
  for (const value of values) {
    try {
      const user = userOf(NameAddress.parse(value).sipUri);
      if (user !== '') return user;
    } catch (error) {
      if (!(error instanceof SipSyntaxError)) throw error;
    }
  }
  return undefined;
}
