import { type SipRequest, SipResponse } from '../../sip/index.js';
import type { TalkAction, TalkKind } from '../shape/index.js';
import type { AgentDialog } from './agent-dialog.js';
import type { AgentLeg } from './agent-leg.js';
import type { Heard } from './client-exchange.js';
import { makeFollower, type Row } from './compose.js';
import { type Direction, reversed } from './description.js';

/** What a peer does of itself inside an answered call. */

/** Starts the script of one side; each action waits its time and is left out once the dialog is over. */
export function talk(leg: AgentLeg, dialog: AgentDialog, script: readonly TalkAction[]): void {
  for (const { kind, afterMs } of script) {
    leg.after(afterMs, () => {
      if (dialog.state === 'confirmed') act(leg, dialog, kind);
    });
  }
}

function act(leg: AgentLeg, dialog: AgentDialog, kind: TalkKind): void {
  switch (kind) {
    case 'bye':
      return leg.bye(dialog, 'hung up');
    case 'hold':
      return reinvite(leg, dialog, { direction: 'sendonly' });
    case 'resume':
      return reinvite(leg, dialog, { direction: 'sendrecv' });
    case 'codec':
      return reinvite(leg, dialog, { direction: 'sendrecv', codec: 8 });
    case 'late-reinvite':
      return reinvite(leg, dialog, { direction: undefined });
    case 'cancelled-reinvite':
      return reinvite(leg, dialog, { direction: 'sendrecv', cancelled: true });
    case 'update':
      return update(leg, dialog);
    case 'info':
      return leg.ask(dialog, 'INFO', [['Info-Package', 'simulated']]);
    case 'message':
      return leg.ask(dialog, 'MESSAGE', []);
    case 'options':
      return leg.ask(dialog, 'OPTIONS', []);
    case 'refer':
      return leg.ask(dialog, 'REFER', [['Refer-To', '<sip:+12025550199@example.com>']]);
    case 'notify':
      return leg.ask(dialog, 'NOTIFY', [
        ['Event', 'refer'],
        ['Subscription-State', 'terminated'],
      ]);
  }
}

interface Offer {
  /** Undefined: none is made, the gateway offers. */
  readonly direction: Direction | undefined;
  readonly codec?: 0 | 8;
  readonly cancelled?: boolean;
  /** Tries after 491 so far. */
  readonly tries?: number;
}

function reinvite(leg: AgentLeg, dialog: AgentDialog, offer: Offer): void {
  if (dialog.offering || dialog.openInvite) return;
  dialog.offering = true;
  const { direction, codec } = offer;
  const body = direction && leg.describe(direction, codec);
  const request = leg.compose(dialog, 'INVITE', [...dialog.session.requestRows], body);
  const kind = offer.cancelled ? ' cancelled' : direction === undefined ? ' without offer' : '';
  leg.note(`re-INVITE${kind} by the ${leg.name === 'caller' ? 'caller' : 'callee'}`);
  leg.send(request, (heard) => reinviteHeard(leg, dialog, offer, request, heard));
  if (!offer.cancelled) return;
  // Only once a provisional response came may a CANCEL go (RFC 3261 §9.1); the gateway sends 100 at once.
  leg.after(400, () => {
    if (dialog.offering) leg.send(makeFollower(request, 'CANCEL', request.headers.get('To')!), () => {});
  });
}

function reinviteHeard(leg: AgentLeg, dialog: AgentDialog, offer: Offer, request: SipRequest, heard: Heard): void {
  const { sequence } = request.cseq;
  if (heard instanceof SipResponse && heard.status < 200) return;
  const again = dialog.acks.get(sequence);
  if (again) {
    leg.withFlow((flow) => flow && leg.transmit(again, flow));
    return;
  }
  dialog.offering = false;
  if (heard === 'timeout' && dialog.state === 'confirmed')
    leg.complain('a re-INVITE was never answered, not even with 100', request);
  if (!(heard instanceof SipResponse)) return leg.bye(dialog, 're-INVITE failed');
  if (heard.status < 300) return reinviteAccepted(leg, dialog, offer, sequence, heard);
  if (heard.status === 481 || heard.status === 408) return leg.bye(dialog, `re-INVITE was answered ${heard.status}`);
  if (heard.status === 491) leg.note('re-INVITE glare: 491');
  if (heard.status !== 491 || (offer.tries ?? 0) > 1) return;
  const waitMs = leg.name === 'caller' ? leg.backOffMs(2100, 4000) : leg.backOffMs(0, 2000);
  leg.after(waitMs, () => {
    if (dialog.state === 'confirmed') reinvite(leg, dialog, { ...offer, tries: (offer.tries ?? 0) + 1 });
  });
}

function reinviteAccepted(
  leg: AgentLeg,
  dialog: AgentDialog,
  offer: Offer,
  sequence: number,
  response: SipResponse,
): void {
  const said = leg.read(response);
  if (said === undefined) leg.offences.push('2xx to a re-INVITE without description');
  const late = offer.direction === undefined;
  const answers = late && !leg.manners.forgetsAnswer;
  const body = answers && said && said !== 'malformed' ? leg.describe(reversed(said.direction)) : undefined;
  dialog.refreshTarget(response);
  const { ack } = leg.manners;
  if (ack !== 'prompt') leg.note(`re-INVITE: ACK ${ack}`);
  if (ack !== 'never') leg.after(ack === 'late' ? 1500 : 0, () => leg.acknowledge(dialog, sequence, body));
  if (dialog.state === 'confirmed') dialog.session.settle(response, true);
}

function update(leg: AgentLeg, dialog: AgentDialog): void {
  if (dialog.offering || dialog.openInvite) return;
  dialog.offering = true;
  leg.note('UPDATE with an offer');
  leg.ask(dialog, 'UPDATE', [...dialog.session.requestRows], leg.describe('sendrecv'), (heard) => {
    if (heard instanceof SipResponse && heard.status < 200) return;
    dialog.offering = false;
    if (!(heard instanceof SipResponse)) return;
    if (heard.status < 300) {
      if (leg.read(heard) === undefined) leg.offences.push('2xx to an UPDATE with an offer, without description');
      dialog.session.settle(heard, true);
    } else if (heard.status === 481 || heard.status === 408) leg.bye(dialog, `UPDATE was answered ${heard.status}`);
  });
}

const AGAIN_MS = 5000;

/** Keeps the session alive: by UPDATE, or by a re-INVITE from a peer that has no UPDATE. */
export function refreshSession(leg: AgentLeg, dialog: AgentDialog): void {
  if (dialog.state !== 'confirmed') return;
  if (dialog.offering || dialog.openInvite) {
    leg.after(AGAIN_MS, () => refreshSession(leg, dialog));
    return;
  }
  if (!leg.allowsUpdate) {
    reinvite(leg, dialog, { direction: 'sendrecv' });
    return;
  }
  const rows: readonly Row[] = dialog.session.requestRows;
  leg.ask(dialog, 'UPDATE', rows, undefined, (heard) => {
    if (!(heard instanceof SipResponse) || heard.status < 200) return;
    if (heard.status < 300) dialog.session.settle(heard, true);
    else if (heard.status === 481 || heard.status === 408) leg.bye(dialog, `refresh was answered ${heard.status}`);
    else leg.after(AGAIN_MS, () => refreshSession(leg, dialog));
  });
}
