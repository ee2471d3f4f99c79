import { isIP } from 'node:net';
import { GatewayError } from '../../core/index.js';
import { canonicalHost, type SipUri } from '../message/index.js';
import type { Flow, Location, ResolvedTarget, TransportName } from '../transport/flow.js';
import type { DialogContext } from './context.js';

/** Where a request goes: RFC 3263 over a URI, or the flow that already leads there. */

const TRANSPORTS = new Set(['udp', 'tcp', 'tls', 'ws', 'wss']);

/** Where a URI leads: its maddr before its host (RFC 3261 §19.1.1). */
const hostOf = (uri: SipUri): string => uri.params.get('maddr') ?? uri.host;

/** What is to be located for a SIP URI (RFC 3263 §4); undefined for other schemes. */
export function locationOf(uri: SipUri): Location | undefined {
  if (!uri.isSip) return undefined;
  const transport = uri.params.get('transport')?.toLowerCase();
  return {
    host: hostOf(uri),
    ...(uri.port === undefined ? {} : { port: uri.port }),
    ...(transport !== undefined && TRANSPORTS.has(transport) ? { transport: transport as TransportName } : {}),
    ...(uri.scheme === 'sips' ? { secure: true } : {}),
  };
}

/**
 * What is to be located for the next hop of a dialog. One that began over TLS never leaves it, whatever transport its
 * peer names or forgets to name, since keys of the media may be in it; and a peer that shows an address must prove to be
 * who it was called as (RFC 5922 §4): certificates bear names.
 * @param verifiedName the name its certificate was verified for
 */
export function locationInside(uri: SipUri, flow: Flow, verifiedName: string | undefined): Location | undefined {
  const where = locationOf(uri);
  if (!where || flow.transport !== 'tls') return where;
  return { ...where, transport: 'tls', secure: true, ...(verifiedName && { serverName: verifiedName }) };
}

/**
 * True when the next hop is best reached by the flow the dialog lives on: a WebSocket peer, which cannot be connected
 * to; a TLS peer that names no TLS; a connection that the same host opened to us; or a peer behind a NAT, whose private
 * address means nothing here, as no other machine's loopback does. A connection that we opened is found again by its
 * target, as any other.
 */
export function flowLeadsTo(flow: Flow, nextHop: SipUri): boolean {
  if (flow.closed) return false;
  if (flow.transport === 'ws' || flow.transport === 'wss' || nextHop.host.endsWith('.invalid')) return true;
  if (flow.transport === 'tls' && transportOf(nextHop) !== 'tls') return true;
  const host = canonicalHost(hostOf(nextHop));
  if (isIP(host) === 0) return false;
  if (host === flow.remote.address) return flow.reliable && flow.inbound && transportOf(nextHop) === flow.transport;
  if (isThisMachine(host)) return !isThisMachine(flow.remote.address);
  return isPrivate(host) && !isPrivate(flow.remote.address);
}

/** Addresses that lead nowhere but to this machine: a peer that names one would have us speak to our own services. */
const isThisMachine = (address: string): boolean =>
  address.startsWith('127.') || address === '::1' || address === '0.0.0.0' || address === '::';

function transportOf(uri: SipUri): string {
  const transport = uri.params.get('transport')?.toLowerCase() ?? 'udp';
  return uri.scheme === 'sips' && transport !== 'ws' ? 'tls' : transport;
}

/** RFC 1918, RFC 6598, loopback, link-local and unique-local addresses: of no meaning outside their network. */
function isPrivate(address: string): boolean {
  if (address.includes(':')) return address === '::1' || /^(f[cd]|fe[89ab])/i.test(address);
  if (
    address.startsWith('10.') ||
    address.startsWith('127.') ||
    address.startsWith('192.168.') ||
    address.startsWith('169.254.')
  )
    return true;
  const [first, second] = address.split('.', 2).map(Number);
  return (first === 172 && second! >= 16 && second! < 32) || (first === 100 && second! >= 64 && second! < 128);
}

/**
 * The located targets of one destination, tried in turn (RFC 3263 §4.3).
 *
 *     next() ─► locate (once) ─► open target 1 ─► flow │ error ─► target 2 … ─► last error
 */
export class TargetWalk {
  readonly #context: DialogContext;
  readonly #where: Location;
  readonly #connectTimeoutMs: number;
  #targets: readonly ResolvedTarget[] | undefined;
  #next = 0;
  /** Position up to which a target was tried twice. */
  #retried = 0;
  #lastError: GatewayError | undefined;

  readonly #sizeBytes: number;

  /** @param sizeBytes about how large the request is (RFC 3261 §18.1.1) */
  constructor(context: DialogContext, where: Location, connectTimeoutMs: number, sizeBytes = 0) {
    this.#sizeBytes = sizeBytes;
    this.#context = context;
    this.#where = where;
    this.#connectTimeoutMs = connectTimeoutMs;
  }

  /** True when `next` has another target to try, as far as is known. */
  get hasMore(): boolean {
    return this.#targets === undefined || this.#next < this.#targets.length;
  }

  /**
   * The flow that `next` gave last failed before anything came of it. A connection may have been dead for long without
   * our knowing: its target is tried once more over a new one.
   * @returns whether that target comes next
   */
  flowFailed(flow: Flow): boolean {
    if (!flow.reliable || this.#retried === this.#next) return false;
    this.#retried = this.#next;
    this.#next--;
    return true;
  }

  /** Opens a flow to the next target that can be reached. `done` is called once, possibly before this returns. */
  next(done: (result: Reached | GatewayError) => void): void {
    if (this.#targets) {
      this.#open(done);
      return;
    }
    const context = this.#context;
    context.locator.locate(this.#where, (result) => context.turn(() => this.#located(result, done)));
  }

  #located(result: readonly ResolvedTarget[] | GatewayError, done: (result: Reached | GatewayError) => void): void {
    if (result instanceof GatewayError) {
      done(result);
      return;
    }
    this.#targets = this.#context.largeRequests.targetsFor(result, this.#sizeBytes);
    this.#open(done);
  }

  #open(done: (result: Reached | GatewayError) => void): void {
    const target = this.#targets![this.#next++];
    if (!target) {
      done(this.#lastError ?? noTarget());
      return;
    }
    const context = this.#context;
    context.wire.open(target, this.#connectTimeoutMs, (flow) => context.turn(() => this.#opened(target, flow, done)));
  }

  #opened(target: ResolvedTarget, flow: Flow | GatewayError, done: (result: Reached | GatewayError) => void): void {
    if (!(flow instanceof GatewayError)) {
      done({ target, flow });
      return;
    }
    this.#lastError = flow;
    this.#context.largeRequests.refused(target);
    this.#open(done);
  }
}

export interface Reached {
  readonly target: ResolvedTarget;
  readonly flow: Flow;
}

const noTarget = (): GatewayError =>
  new GatewayError('dns.not-found', 'No target is left to try', { origin: 'remote', sipStatus: 503 });
