import { SipResponse } from '../../sip/index.js';
import type { AgentDialog } from './agent-dialog.js';
import type { AgentLeg } from './agent-leg.js';
import type { Row } from './compose.js';
import { reversed } from './description.js';
import type { ServerExchange } from './server-exchange.js';
import { sessionAnswer } from './session-watch.js';

/** What a peer does with a request inside a dialog, by its manners and RFC 3261 §12.2.2, §14.2, RFC 3311 §5.2. */
export function receiveInside(leg: AgentLeg, dialog: AgentDialog, exchange: ServerExchange): void {
  const { request } = exchange;
  const { method } = request;
  const answer = (status: number, rows: readonly Row[] = [], body?: Buffer): void =>
    exchange.respond(status, { tag: dialog.localTag, rows, body });
  if (dialog.state === 'over') return answer(method === 'BYE' ? 200 : 481);
  if (request.cseq.sequence <= dialog.remoteSequence) return answer(500);
  dialog.remoteSequence = request.cseq.sequence;
  if (method === 'BYE') return bye(leg, dialog, exchange);
  if (method === 'PRACK') return leg.onPrack(exchange, dialog);
  if (method === 'INVITE') return reinvite(leg, dialog, exchange);
  if (method === 'UPDATE') return update(leg, dialog, exchange);
  const manner = leg.manners.other;
  if (manner === 'silent' && method !== 'OPTIONS') return;
  answer(manner === 'refuse' ? 603 : method === 'REFER' ? 202 : 200);
}

function bye(leg: AgentLeg, dialog: AgentDialog, exchange: ServerExchange): void {
  const open = dialog.openInvite;
  dialog.end('BYE came');
  if (leg.manners.bye === 'silent') return leg.note('BYE left unanswered');
  exchange.respond(200, { tag: dialog.localTag });
  open?.respond(487, { tag: dialog.localTag });
}

function reinvite(leg: AgentLeg, dialog: AgentDialog, exchange: ServerExchange): void {
  const tag = dialog.localTag;
  const refuse = (status: number, rows: readonly Row[] = []): void => exchange.respond(status, { tag, rows });
  if (dialog.state === 'early') {
    leg.offences.push('re-INVITE inside an early dialog');
    return refuse(500);
  }
  if (dialog.offering) return refuse(491);
  if (dialog.openInvite) return refuse(500, [['Retry-After', '1']]);
  if (leg.manners.reinvite !== 'accept') leg.note(`re-INVITE not simply accepted: ${leg.manners.reinvite}`);
  switch (leg.manners.reinvite) {
    case 'refuse':
      return refuse(488);
    case 'busy':
      return refuse(leg.backOffMs(0, 20) === 0 ? 491 : 500);
    case 'silent':
      return;
    case 'trying':
      dialog.openInvite = exchange;
      return exchange.respond(100, { tag: '' });
    case 'slow':
      dialog.openInvite = exchange;
      exchange.respond(100, { tag: '' });
      leg.after(leg.backOffMs(500, 8000), () => accept(leg, dialog, exchange));
      return;
    default:
      dialog.openInvite = exchange;
      accept(leg, dialog, exchange);
  }
}

/** Answers a re-INVITE, with an answer or, where it brought none, with an offer. */
function accept(leg: AgentLeg, dialog: AgentDialog, exchange: ServerExchange): void {
  if (dialog.openInvite !== exchange || dialog.state !== 'confirmed') return;
  dialog.openInvite = undefined;
  const { request } = exchange;
  const offered = leg.read(request);
  const body = leg.describe(offered && offered !== 'malformed' ? reversed(offered.direction) : 'sendrecv');
  const rows = [...leg.contactRows(), ...sessionAnswer(request)];
  exchange.respond(200, { tag: dialog.localTag, rows, body });
  dialog.refreshTarget(request);
  settle(dialog, rows);
}

function update(leg: AgentLeg, dialog: AgentDialog, exchange: ServerExchange): void {
  const { request } = exchange;
  const tag = dialog.localTag;
  const offered = leg.read(request);
  if (!leg.allowsUpdate) {
    leg.offences.push('UPDATE though Allow does not list it');
    return exchange.respond(405, { tag });
  }
  if (offered && (dialog.offering || dialog.openInvite)) return exchange.respond(491, { tag });
  if (leg.manners.update === 'silent') return;
  if (leg.manners.update === 'refuse' && offered) return exchange.respond(488, { tag });
  const body = offered && leg.describe(offered === 'malformed' ? 'sendrecv' : reversed(offered.direction));
  const rows = [...leg.contactRows(), ...sessionAnswer(request)];
  exchange.respond(200, { tag, rows, body });
  dialog.refreshTarget(request);
  settle(dialog, rows);
}

/** Terms of a 2xx of ours, told by its rows. */
export function settle(dialog: AgentDialog, rows: readonly Row[]): void {
  const told = SipResponse.create(200);
  for (const [name, value] of rows) told.headers.append(name, value);
  dialog.session.settle(told, false);
}
