import { isIP } from 'node:net';
import { GatewayError } from '../../core/index.js';
import { canonicalHost, SipSyntaxError, SipUri } from '../message/index.js';
import type { Flow, ResolvedTarget } from '../transport/flow.js';
import type { DialogContext } from './context.js';
import type { DialogState } from './dialog-state.js';
import { locationOf } from './next-hop.js';

/**
 * Whether a request inside a dialog comes from the dialog's peer. Call-ID and tags are no secret on a path without
 * TLS, so the source must be one of: the dialog's own flow, an address the dialog was seen from, another one of the same
 * party, the next hop or remote target it named, or a connection that TLS proved to be the same peer.
 */

/** True when both flows lead to the same peer: same connection, same address, or same verified TLS name. */
export function samePeer(known: Flow, flow: Flow): boolean {
  if (known === flow || known.remote.address === flow.remote.address) return true;
  const names = flow.tls?.peerNames ?? [];
  const knownNames = known.tls?.peerNames ?? [];
  return names.some((name) => knownNames.includes(name));
}

/** Tells whether the flow is one of the peer's; looks names up only where literals do not decide. `done` is called once. */
export function admitSource(
  context: DialogContext,
  data: DialogState,
  known: Flow,
  flow: Flow,
  done: (ok: boolean) => void,
): void {
  if (!context.options.bindSources || samePeer(known, flow)) {
    done(true);
    return;
  }
  const named = [data.way.nextHop, targetOf(data.remoteTarget)];
  const { address } = flow.remote;
  if (context.options.isSameParty(known.remote.address, address)) {
    done(true);
    return;
  }
  if (named.some((uri) => uri && canonicalHost(uri.host) === address)) {
    done(true);
    return;
  }
  lookUp(context, named, address, done);
}

function targetOf(remoteTarget: string): SipUri | undefined {
  try {
    return SipUri.parse(remoteTarget);
  } catch (error) {
    if (error instanceof SipSyntaxError) return undefined;
    throw error;
  }
}

function lookUp(
  context: DialogContext,
  named: readonly (SipUri | undefined)[],
  address: string,
  done: (ok: boolean) => void,
): void {
  const places = named.flatMap((uri) => (uri && isIP(uri.host) === 0 ? (locationOf(uri) ?? []) : []));
  const ask = (at: number): void => {
    const where = places[at];
    if (where) context.locator.locate(where, (result) => context.turn(() => judge(result, at)));
    else done(false);
  };
  const judge = (result: readonly ResolvedTarget[] | GatewayError, at: number): void => {
    if (!(result instanceof GatewayError) && result.some((target) => target.address === address)) done(true);
    else ask(at + 1);
  };
  ask(0);
}
