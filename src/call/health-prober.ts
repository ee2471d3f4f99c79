import type { GatewayError } from '../core/index.js';
import type { Probe, ProbeOutcome, SipProtocol } from '../routing/index.js';
import { formatHostPort, type Location, type SignalingEngine, type SipResponse } from '../sip/index.js';

/** A probe without a final response in this time is a miss. */
const ANSWER_MS = 4000;

/**
 * Sends the OPTIONS that `HealthProber` (routing/live) asks for and tells what came of it (design §4, Health).
 *
 *     HealthProber ──probe(target)──► OPTIONS sip:host ──► final response, or its absence ──► HealthProber
 *
 * @param domain host of our From URI
 */
export function optionsProbe(signaling: SignalingEngine, domain: string, connectTimeoutMs: number): Probe {
  return (target, done) => {
    const order = {
      method: 'OPTIONS',
      requestUri: uriOf(target),
      nextHop: locationOf(target),
      from: `<sip:trunkline@${domain}>`,
      to: `<sip:${authorityOf(target)}>`,
      headers: [['Accept', 'application/sdp'] as const],
      timeoutMs: ANSWER_MS,
      connectTimeoutMs,
    };
    signaling.request(order, (outcome) => done(outcomeOf(outcome)));
  };
}

/** Where a request goes: a target, or a host of a carrier. */
interface Endpoint {
  readonly host: string;
  readonly port?: number | undefined;
  readonly protocol: SipProtocol;
}

/** `192.0.2.1:5060`, `[2001:db8::1]`. */
export const authorityOf = ({ host, port }: Omit<Endpoint, 'protocol'>): string => formatHostPort(host, port);

/** SIP URI of a target, its transport named where it is not UDP. */
export const uriOf = (target: Endpoint): string =>
  `sip:${authorityOf(target)}${target.protocol === 'UDP' ? '' : `;transport=${target.protocol.toLowerCase()}`}`;

/** Where a request to a target goes (RFC 3263). */
export function locationOf({ host, port, protocol }: Endpoint): Location {
  return {
    host,
    ...(port !== undefined && { port }),
    transport: protocol.toLowerCase() as 'udp' | 'tcp' | 'tls',
    secure: protocol === 'TLS',
  };
}

function outcomeOf(outcome: SipResponse | GatewayError): ProbeOutcome {
  if (!('status' in outcome)) return { failure: outcome.code };
  const retryAfterSeconds = retryAfterOf(outcome);
  return { status: outcome.status, ...(retryAfterSeconds !== undefined && { retryAfterSeconds }) };
}

/** Delta seconds of a Retry-After (RFC 3261 §20.33); undefined where there is none. */
export function retryAfterOf(response: SipResponse | undefined): number | undefined {
  const seconds = Number.parseInt(response?.headers.get('Retry-After') ?? '', 10);
  return seconds > 0 ? seconds : undefined;
}
