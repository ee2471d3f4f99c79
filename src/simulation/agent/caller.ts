import { type SipRequest, SipResponse } from '../../sip/index.js';
import type { CallShape, GiveUp } from '../shape/index.js';
import { CONNECTORS, DOMAIN, GATEWAY_ADDRESS } from '../topology.js';
import { CALL_NUMBER_HEADER } from '../wire-log.js';
import { AgentDialog } from './agent-dialog.js';
import { AgentLeg, type LegParts } from './agent-leg.js';
import type { Heard } from './client-exchange.js';
import { makeFollower, makeRequest, type RequestFacts, type Row } from './compose.js';
import { reversed } from './description.js';
import { answerTo, digestPart } from './digest.js';
import { PATIENCE_MS } from './repeater.js';
import type { ServerExchange } from './server-exchange.js';
import { talk } from './talk.js';

/** What a caller has had of an early dialog. */
interface EarlyState {
  /** A description came in a reliable message, or the answer to a late offer went out in one. */
  settled: boolean;
  lastRseq: number | undefined;
}

/**
 * The calling side: INVITE, PRACK, ACK, and giving up in every way there is.
 *
 *     start ─► waiting ─┬─ 1xx ─► early dialog, PRACK
 *                       ├─ 2xx ─► ACK, talk … BYE
 *                       ├─ 3xx–6xx ─► closed
 *                       └─ give up ─► CANCEL, or BYE in the early dialog
 */
export class Caller extends AgentLeg {
  readonly shape: CallShape;
  readonly manners;
  readonly allowsUpdate;
  readonly refusalAck;
  readonly wish;
  /** Final status of the INVITE; undefined without one. */
  finalStatus: number | undefined;
  #waiting = false;
  #invite: SipRequest | undefined;
  #first: RequestFacts | undefined;
  #sequence = 0;
  #provisional = false;
  #gaveUp = false;
  #cancelSent = false;
  #offered = false;
  readonly #early = new Map<AgentDialog, EarlyState>();
  /** The one last heard of. */
  #dialog: AgentDialog | undefined;

  constructor(parts: LegParts, shape: CallShape) {
    super(parts);
    this.shape = shape;
    const { manners, allowsUpdate, refusalAck, session } = shape.caller;
    this.manners = manners;
    this.allowsUpdate = allowsUpdate;
    this.refusalAck = refusalAck;
    this.wish = session;
  }

  get open(): boolean {
    return this.#waiting || [...this.dialogs.values()].some(({ state }) => state !== 'over');
  }

  /** The gateway asks for credentials before it hears of the call. */
  get needsProof(): boolean {
    const { stranger, direction, connectorId } = this.shape;
    const { credentials } = CONNECTORS.find(({ id }) => id === connectorId)!;
    return direction === 'outbound' && !stranger && credentials !== undefined;
  }

  start(): void {
    this.#waiting = true;
    this.meet(this.shape.caller.fate);
    if (this.shape.caller.offer === 'late') this.note('caller: late offer');
    if (this.manners.garbles) this.note('caller: garbled description');
    const { giveUp, ownConnection } = this.shape.caller;
    if (giveUp?.on === 'time') this.after(giveUp.afterMs, () => this.#giveUp(giveUp));
    this.withFlow((flow) => {
      if (!flow) this.#close();
      else this.#sendInvite();
    }, ownConnection);
  }

  protected onInvite(exchange: ServerExchange): void {
    exchange.respond(482, { tag: this.token() });
  }

  protected onCancel(_invite: ServerExchange, cancel: ServerExchange): void {
    cancel.respond(200, { tag: this.token() });
  }

  onPrack(exchange: ServerExchange, dialog: AgentDialog): void {
    this.offences.push('PRACK to the caller');
    exchange.respond(481, { tag: dialog.localTag });
  }

  onAck(): void {}

  /** Forks share the caller's tag. */
  protected override keyOf(_localTag: string, remoteTag: string): string {
    return remoteTag;
  }

  onNoAck(tag: string, exchange: ServerExchange): void {
    const dialog = this.dialogs.get(this.keyOf(tag, exchange.request.from.tag ?? ''));
    if (dialog) this.bye(dialog, 'no ACK for a re-INVITE');
  }

  #sendInvite(): void {
    const { calledNumber, connectorId, callerNumber, direction, caller, number } = this.shape;
    const host = direction === 'outbound' ? `${connectorId}.${DOMAIN}` : GATEWAY_ADDRESS;
    const rows: Row[] = [...this.contactRows(), [CALL_NUMBER_HEADER, String(number)]];
    if (caller.reliable !== 'none') rows.push([caller.reliable === 'required' ? 'Require' : 'Supported', '100rel']);
    if (caller.session) {
      const { seconds, refresher } = caller.session;
      rows.push(['Session-Expires', `${seconds}${refresher ? `;refresher=${refresher}` : ''}`]);
    }
    this.#offered = caller.offer === 'early';
    this.#first = {
      method: 'INVITE',
      uri: `sip:${calledNumber}@${host}`,
      via: '',
      from: `<sip:${callerNumber}@${this.host.endpoint.address}>;tag=${this.token()}`,
      to: `<sip:${calledNumber}@${host}>`,
      callId: this.callId,
      sequence: 0,
      rows,
      body: this.#offered ? this.describe() : undefined,
    };
    this.#try([]);
  }

  /** The INVITE for the first time, or again with credentials and a new CSeq number (RFC 3261 §22.2). */
  #try(rows: readonly Row[]): void {
    const first = this.#first!;
    this.#sequence++;
    const facts = { ...first, via: this.via(), sequence: this.#sequence, rows: [...first.rows, ...rows] };
    this.#invite = makeRequest(facts);
    this.#provisional = false;
    this.send(this.#invite, (heard) => this.#heard(heard));
  }

  /** A challenge of the gateway, once. */
  #challenged(response: SipResponse): boolean {
    const { credentials } = CONNECTORS.find(({ id }) => id === this.shape.connectorId)!;
    const challenges = response.headers.all('WWW-Authenticate');
    const challenge = challenges.find((value) => digestPart(value, 'algorithm') === 'MD5');
    if (response.status !== 401 || this.#sequence > 1 || !credentials || !challenge || this.#gaveUp) return false;
    this.note('gateway challenges a caller');
    const proof = answerTo(challenge, credentials, 'INVITE', this.#first!.uri);
    this.#dialog = undefined;
    this.dialogs.clear();
    this.#try([['Authorization', proof]]);
    return true;
  }

  #heard(heard: Heard): void {
    if (heard === 'timeout') this.complain('INVITE was never answered, not even with 100', this.#invite);
    if (!(heard instanceof SipResponse)) return this.#close();
    if (heard.status < 200) this.#provisionalHeard(heard);
    else if (heard.status < 300) this.#accepted(heard);
    else this.#refused(heard);
  }

  #provisionalHeard(response: SipResponse): void {
    if (!this.#waiting) return;
    this.#provisional = true;
    const { giveUp } = this.shape.caller;
    if (this.#gaveUp && !this.#cancelSent) this.#cancel();
    if (giveUp?.on === '1xx') this.after(0, () => this.#giveUp(giveUp));
    if (response.status === 100) return;
    if (giveUp?.on === '18x') this.after(giveUp.afterMs % 500, () => this.#giveUp(giveUp));
    const dialog = response.to.tag === undefined ? undefined : this.#dialogOf(response);
    const described = this.read(response);
    const rseq = response.headers.get('RSeq');
    if (rseq !== undefined && dialog) this.#pracked(response, dialog, Number(rseq), described !== undefined);
  }

  /** RFC 3262 §4: in order, each once. */
  #pracked(response: SipResponse, dialog: AgentDialog, rseq: number, described: boolean): void {
    const { reliable, prack } = this.shape.caller;
    if (reliable === 'none') this.offences.push('a reliable response though 100rel was not offered');
    const early = this.#early.get(dialog)!;
    if (early.lastRseq !== undefined && rseq !== early.lastRseq + 1) return;
    early.lastRseq = rseq;
    const body = described && !this.#offered && !early.settled ? this.describe('sendrecv') : undefined;
    if (described) early.settled = true;
    this.note(`caller: PRACK ${prack}`);
    if (prack === 'never') return;
    const rows: Row[] = [['RAck', `${rseq} ${response.cseq.sequence} INVITE`]];
    this.after(prack === 'late' ? 3000 : 0, () => {
      const request = this.compose(dialog, 'PRACK', rows, body);
      this.send(request, (heard) => {
        if (heard === 'timeout') this.complain('PRACK was never answered', request);
      });
    });
  }

  #accepted(response: SipResponse): void {
    const dialog = this.#dialogOf(response);
    const { sequence } = response.cseq;
    const again = dialog.acks.get(sequence);
    if (again) return void this.withFlow((flow) => flow && this.transmit(again, flow));
    if (!this.#waiting) return;
    this.#waiting = false;
    this.finalStatus = response.status;
    dialog.confirm();
    for (const other of this.dialogs.values()) if (other !== dialog) other.end('another fork answered');
    dialog.refreshTarget(response);
    const { giveUp } = this.shape.caller;
    // The CANCEL crosses the 2xx: sent all the same, as by a caller that has not seen it yet.
    if (giveUp?.on === '2xx' && giveUp.by === 'CANCEL') this.#cancel();
    if (this.#cancelSent) this.note('CANCEL crosses the 2xx');
    this.#acknowledgeAnswer(response, dialog, sequence);
    dialog.session.settle(response, true);
    if (this.#gaveUp || giveUp?.on === '2xx') this.after(20, () => this.bye(dialog, 'answered after giving up'));
    else talk(this, dialog, this.shape.caller.talk);
  }

  #acknowledgeAnswer(response: SipResponse, dialog: AgentDialog, sequence: number): void {
    const said = this.read(response);
    const { settled } = this.#early.get(dialog)!;
    if (said === undefined && !settled) this.offences.push('the description never came in a reliable message');
    const owes = !this.#offered && !settled && !this.manners.forgetsAnswer;
    const body = owes && said && said !== 'malformed' ? this.describe(reversed(said.direction)) : undefined;
    const { ack } = this.manners;
    if (ack !== 'prompt') this.note(`caller: ACK ${ack}`);
    if (ack === 'never') return;
    this.after(ack === 'late' ? 1500 : 0, () => this.acknowledge(dialog, sequence, body));
  }

  #refused(response: SipResponse): void {
    if (!this.#waiting || this.#challenged(response)) return;
    this.finalStatus = response.status;
    this.#close();
  }

  #close(): void {
    this.#waiting = false;
    for (const dialog of this.dialogs.values()) dialog.end('refused');
  }

  #giveUp({ by, rude }: GiveUp): void {
    if (!this.#waiting || this.#gaveUp || !this.#invite) return;
    this.#gaveUp = true;
    this.note(`caller gives up by ${by}`);
    if (by === 'BYE' && this.#dialog) {
      for (const dialog of this.dialogs.values()) this.ask(dialog, 'BYE', []);
      return;
    }
    if (this.#provisional || rude) this.#cancel();
  }

  #cancel(): void {
    const invite = this.#invite!;
    this.#cancelSent = true;
    this.send(makeFollower(invite, 'CANCEL', invite.headers.get('To')!), () => {});
    // A CANCEL that was sent too early may have come before its INVITE, and is as if it had not been sent.
    if (this.shape.caller.giveUp?.rude) return;
    this.after(PATIENCE_MS, () => {
      if (!this.#waiting) return;
      this.complain('no final response after CANCEL');
      this.#close();
    });
  }

  #dialogOf(response: SipResponse): AgentDialog {
    const remoteTag = response.to.tag ?? '';
    const known = this.dialogs.get(remoteTag);
    if (known) return known;
    if (this.#dialog) {
      this.note('caller has several early dialogs');
      if (!this.#offered) this.offences.push('several early dialogs for one answer to a late offer');
    }
    const invite = this.#invite!;
    const dialog = new AgentDialog(
      {
        localTag: invite.from.tag!,
        local: invite.headers.get('From')!,
        remote: response.headers.get('To')!,
        remoteTag,
        remoteTarget: response.contact?.uri ?? invite.requestUri,
        localSequence: invite.cseq.sequence,
        remoteSequence: 0,
      },
      this,
    );
    this.#dialog = dialog;
    this.#early.set(dialog, { settled: false, lastRseq: undefined });
    this.dialogs.set(remoteTag, dialog);
    return dialog;
  }
}
