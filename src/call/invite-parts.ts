import type { PlannedAttempt } from '../routing/index.js';
import { encodeUtf8, type HeaderRow, quote, type SipRequest } from '../sip/index.js';
import { passingHeaders } from './headers.js';

/**
 * The identity fields of an outbound INVITE: Request-URI, To, From and P-Asserted-Identity, as the target wants the
 * caller presented (design §4). Hops go on counting down across the two legs (RFC 7332 §4). An anonymous From stays anonymous (RFC 3323 §4.1.1.3, RFC 3325 §9.1).
 */
export interface Identity {
  readonly requestUri: string;
  readonly to: string;
  readonly from: string;
  readonly headers: readonly HeaderRow[];
}

const ANONYMOUS = '"Anonymous" <sip:anonymous@anonymous.invalid>';

/** @param domain host of our From and P-Asserted-Identity URIs */
export function identityFor(planned: PlannedAttempt, incoming: SipRequest, domain: string): Identity {
  const host = planned.host.includes(':') ? `[${planned.host}]` : planned.host;
  const port = planned.port === undefined ? '' : `:${planned.port}`;
  const transport = planned.protocol === 'UDP' ? '' : `;transport=${planned.protocol.toLowerCase()}`;
  const called = encodeUtf8(planned.calledNumber);
  const calling = `<sip:${encodeUtf8(planned.callingNumber)}@${domain}>`;
  const name = incoming.from.displayName;
  const shown = name === '' ? calling : `${quote(name)} ${calling}`;
  const hidden = isAnonymous(incoming) || !planned.callerIdIn.includes('From');
  return {
    requestUri: `sip:${called}@${host}${port}${transport}`,
    to: `<sip:${called}@${host}>`,
    from: hidden ? ANONYMOUS : shown,
    headers: [
      ['Max-Forwards', String((incoming.maxForwards ?? 70) - 1)],
      ...(planned.callerIdIn.includes('P-Asserted-Identity') ? [['P-Asserted-Identity', shown] as const] : []),
      ...passingHeaders(incoming, 'INVITE', planned.removeHeaders),
      ...planned.headers,
    ],
  };
}

function isAnonymous(incoming: SipRequest): boolean {
  const uri = incoming.from.sipUri;
  return uri.host.endsWith('anonymous.invalid') || uri.user?.toLowerCase() === 'anonymous';
}
