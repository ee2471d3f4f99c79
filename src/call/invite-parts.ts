import type { PlannedAttempt } from '../routing/index.js';
import { escapeUser, formatHost, formatHostPort, type HeaderRow, quote, type SipRequest } from '../sip/index.js';
import { passingHeaders } from './headers.js';

/**
 * The identity fields of an outbound INVITE: Request-URI, To, From and P-Asserted-Identity, as the target wants the
 * caller presented (design §4). Hops go on counting down across the two legs (RFC 7332 §4).
 *
 * Carriers are trusted with who calls, whatever is withheld from the callee; customers' hosts are not (RFC 3325 §7, §8):
 *
 *     caller withholds    From          P-Asserted-Identity        Privacy
 *     to a carrier        anonymous     the number                 as it came, else id where From was anonymous
 *     to a customer       anonymous     none                       as it came
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
  const transport = planned.protocol === 'UDP' ? '' : `;transport=${planned.protocol.toLowerCase()}`;
  const called = escapeUser(planned.calledNumber);
  const calling = `<sip:${escapeUser(planned.callingNumber)}@${domain}>`;
  const name = incoming.from.displayName;
  const shown = name === '' ? calling : `${quote(name)} ${calling}`;
  const anonymous = isAnonymous(incoming);
  const toCustomer = planned.kind === 'route';
  const withheld = asksPrivacy(incoming) ?? anonymous;
  const hidden = anonymous || (withheld && toCustomer) || !planned.callerIdIn.includes('From');
  const asserted = planned.callerIdIn.includes('P-Asserted-Identity') && !(withheld && toCustomer);
  return {
    requestUri: `sip:${called}@${formatHostPort(planned.host, planned.port)}${transport}`,
    to: `<sip:${called}@${formatHost(planned.host)}>`,
    from: hidden ? ANONYMOUS : shown,
    headers: [
      ['Max-Forwards', String((incoming.maxForwards ?? 70) - 1)],
      ...(asserted ? [['P-Asserted-Identity', shown] as const] : []),
      ...(asserted && anonymous && !incoming.headers.has('Privacy') ? [['Privacy', 'id'] as const] : []),
      ...passingHeaders(incoming, 'INVITE', planned.removeHeaders),
      ...planned.headers,
    ],
  };
}

/** Whether Privacy withholds the caller's identity (RFC 3323 §4.2, RFC 3325 §9.3); undefined where nothing is asked. */
function asksPrivacy(incoming: SipRequest): boolean | undefined {
  if (!incoming.headers.has('Privacy')) return undefined;
  const asked = incoming.headers.all('Privacy').flatMap((value) => value.toLowerCase().split(/[;,]/));
  return asked.some((each) => ['id', 'user', 'header'].includes(each.trim()));
}

function isAnonymous(incoming: SipRequest): boolean {
  const uri = incoming.from.sipUri;
  return uri.host.endsWith('anonymous.invalid') || uri.user?.toLowerCase() === 'anonymous';
}
