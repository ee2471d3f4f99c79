import { NameAddress, type SipRequest, SipResponse, SipSyntaxError, SipUri } from '../message/index.js';

/**
 * The state of a dialog (RFC 3261 §12): who talks to whom, in which order, and by which way. No I/O and no usage here.
 *
 *     UAS: local = To + our tag, remote = From,  route set = Record-Route as it came
 *     UAC: local = From,         remote = To,    route set = Record-Route reversed
 */
export class DialogState {
  readonly callId: string;
  readonly localTag: string;
  readonly remoteTag: string;
  /** From and To of our requests, tags included. */
  readonly local: string;
  readonly remote: string;
  localSequence: number;
  remoteSequence: number | undefined;
  #remoteTarget: string;
  #routeSet: readonly string[];
  #way: Way | undefined;

  constructor(facts: DialogFacts) {
    this.callId = facts.callId;
    this.localTag = facts.localTag;
    this.remoteTag = facts.remoteTag;
    this.local = facts.local;
    this.remote = facts.remote;
    this.localSequence = facts.localSequence;
    this.remoteSequence = facts.remoteSequence;
    this.#remoteTarget = facts.remoteTarget;
    this.#routeSet = facts.routeSet;
  }

  get remoteTarget(): string {
    return this.#remoteTarget;
  }

  get routeSet(): readonly string[] {
    return this.#routeSet;
  }

  /** Request-URI, Route values and next hop of the next request (RFC 3261 §12.2.1.1). */
  get way(): Way {
    this.#way ??= wayOf(this.#remoteTarget, this.#routeSet);
    return this.#way;
  }

  /**
   * A target refresh by a request or 2xx with a Contact (§12.2); the route set stays.
   * @throws SipSyntaxError on a malformed Contact of a request; that of a response is passed over
   */
  refreshTarget(message: SipRequest | SipResponse): void {
    const target = message instanceof SipResponse ? contactUri(message) : message.contact?.uri;
    if (target === undefined || target === this.#remoteTarget) return;
    // A malformed target is refused before it takes the place of a good one.
    this.#way = wayOf(target, this.#routeSet);
    this.#remoteTarget = target;
  }

  /** The 2xx decides the route set anew (§13.2.2.4). */
  replaceRouteSet(routeSet: readonly string[]): void {
    this.#routeSet = routeSet;
    this.#way = undefined;
  }

  /** Takes the CSeq number of a request of the peer; false when it is out of order (§12.2.2). */
  takeRemoteSequence(sequence: number): boolean {
    if (this.remoteSequence !== undefined && sequence <= this.remoteSequence) return false;
    this.remoteSequence = sequence;
    return true;
  }

  /** CSeq number of our next request; ACK and CANCEL repeat their INVITE's. */
  nextSequence(): number {
    return ++this.localSequence;
  }
}

export interface DialogFacts {
  readonly callId: string;
  readonly localTag: string;
  readonly remoteTag: string;
  readonly local: string;
  readonly remote: string;
  readonly localSequence: number;
  readonly remoteSequence: number | undefined;
  readonly remoteTarget: string;
  readonly routeSet: readonly string[];
}

/**
 * Dialog of an INVITE we received (§12.1.1). Without Contact (RFC 2543 peers) requests go to the From URI.
 * @throws SipSyntaxError on a malformed Contact or Record-Route
 */
export function uasDialogState(request: SipRequest, localTag: string): DialogState {
  const state = new DialogState({
    callId: request.callId,
    localTag,
    remoteTag: request.from.tag ?? '',
    local: `${request.headers.get('To')!};tag=${localTag}`,
    remote: request.headers.get('From')!,
    localSequence: 0,
    remoteSequence: request.cseq.sequence,
    remoteTarget: request.contact?.uri ?? request.from.uri,
    routeSet: request.recordRoutes,
  });
  wayOf(state.remoteTarget, state.routeSet);
  return state;
}

/**
 * Dialog of an INVITE we sent, from a 1xx or 2xx (§12.1.2). Where Contact or Record-Route are missing or malformed,
 * requests go to the original Request-URI and without Route: an answered call must at least be ended.
 */
export function uacDialogState(sent: SentInvite, response: SipResponse): DialogState {
  return new DialogState({
    callId: response.callId,
    localTag: sent.localTag,
    remoteTag: response.to.tag ?? '',
    local: sent.from,
    remote: response.headers.get('To')!,
    localSequence: sent.sequence,
    remoteSequence: undefined,
    remoteTarget: contactUri(response) ?? sent.requestUri,
    routeSet: uacRouteSet(response),
  });
}

/** The route set that a response to our INVITE lays down; none where it is malformed. */
export function uacRouteSet(response: SipResponse): readonly string[] {
  const routes = response.recordRoutes.reverse();
  return routes.length === 0 || wellFormed(() => NameAddress.parse(routes[0]!).sipUri) ? routes : [];
}

/** Contact URI of a response; undefined where there is none that can be read. */
export const contactUri = (response: SipResponse): string | undefined =>
  wellFormed(() => response.contact && SipUri.parse(response.contact.uri)) ? response.contact?.uri : undefined;

function wellFormed(read: () => unknown): boolean {
  try {
    read();
    return true;
  } catch (error) {
    if (error instanceof SipSyntaxError) return false;
    throw error;
  }
}

export interface SentInvite {
  readonly requestUri: string;
  /** From value, tag included. */
  readonly from: string;
  readonly localTag: string;
  readonly sequence: number;
}

/** How a request inside the dialog goes. */
export interface Way {
  readonly requestUri: string;
  readonly routes: readonly string[];
  readonly nextHop: SipUri;
}

/**
 * RFC 3261 §12.2.1.1: behind a loose router the target stands in the Request-URI and the whole route set in Route; a
 * strict router takes the Request-URI for itself, and the target goes to the end of Route.
 * @throws SipSyntaxError where the target or the first route cannot be read
 */
export function wayOf(remoteTarget: string, routeSet: readonly string[]): Way {
  const target = requestUriOf(remoteTarget);
  const targetUri = SipUri.parse(target);
  const first = routeSet[0];
  if (first === undefined) return { requestUri: target, routes: [], nextHop: targetUri };
  const firstUri = NameAddress.parse(first).sipUri;
  if (firstUri.params.has('lr')) return { requestUri: target, routes: routeSet, nextHop: firstUri };
  const strict = requestUriOf(firstUri.toString());
  return { requestUri: strict, routes: [...routeSet.slice(1), `<${remoteTarget}>`], nextHop: SipUri.parse(strict) };
}

/** Without what a Request-URI may not hold: headers and the method parameter (§19.1.1 table 1). */
function requestUriOf(uri: string): string {
  if (!uri.includes('?') && !/;method=/i.test(uri)) return uri;
  const parsed = SipUri.parse(uri);
  parsed.headers = undefined;
  parsed.params.delete('method');
  return parsed.toString();
}
