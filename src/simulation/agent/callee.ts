import type { SipRequest } from '../../sip/index.js';
import type { CalleeScript, Provisional } from '../shape/index.js';
import type { Credentials } from '../topology.js';
import { AgentDialog } from './agent-dialog.js';
import { AgentLeg, type LegParts } from './agent-leg.js';
import type { ResponseFacts, Row } from './compose.js';
import { reversed } from './description.js';
import { provesTo } from './digest.js';
import { settle } from './inside.js';
import type { ServerExchange } from './server-exchange.js';
import { sessionAnswer } from './session-watch.js';
import { talk } from './talk.js';

export const NO_ACK = '2xx was never acknowledged';
export const NO_PRACK = 'a reliable response was never acknowledged';

/**
 * The called side: rings in one voice or several, answers, refuses, rings for ever or stays silent; is cancelled, and
 * does or does not heed it.
 *
 *     INVITE ─► (challenge) ─► 100 ─► 18x … (each waits for its PRACK where it wants one) ─► final
 */
export class Callee extends AgentLeg {
  readonly script: CalleeScript;
  readonly manners;
  readonly allowsUpdate;
  readonly refusalAck = 'prompt';
  readonly wish;
  readonly #credentials: Credentials | undefined;
  readonly #tags: string[];
  #invite: ServerExchange | undefined;
  #state: 'fresh' | 'ringing' | 'answered' | 'closed' = 'fresh';
  #cancelled = false;
  #challengesLeft: number;
  #nonce = '';
  /** Last RSeq of each fork: every fork is a user agent of its own. */
  readonly #rseqs = new Map<number, number>();
  /** True once anything was sent: who never spoke cannot be told anything. */
  #spoke = false;
  /** Forks whose description went in a reliable provisional response. */
  readonly #described = new Set<number>();
  #proceed: (() => void) | undefined;
  #talking = false;

  constructor(parts: LegParts, script: CalleeScript, credentials: Credentials | undefined) {
    super(parts);
    this.script = script;
    this.manners = script.manners;
    this.allowsUpdate = script.allowsUpdate;
    this.wish = script.session;
    this.#credentials = credentials;
    const needs = script.challenge === 422 || credentials !== undefined;
    this.#challengesLeft = needs ? script.challenges : 0;
    this.#tags = [this.token(), this.token(), this.token()];
  }

  /** Who never spoke need not be told; who ignores CANCEL was told all the same. */
  get open(): boolean {
    if (this.#state === 'ringing') return !this.#cancelled && this.#spoke;
    for (const dialog of this.dialogs.values()) if (dialog.state === 'confirmed') return true;
    return false;
  }

  /** Branch of the INVITE it heeds; '' before that. */
  get branch(): string {
    return this.#invite?.request.topVia.branch ?? '';
  }

  protected onInvite(exchange: ServerExchange): void {
    if (this.#state !== 'fresh') {
      exchange.respond(482, { tag: this.#tags[0]! });
      return;
    }
    this.#read(exchange.request);
    if (this.#challenged(exchange)) return;
    this.#invite = exchange;
    this.#state = 'ringing';
    const { script } = this;
    this.meet(script.fate);
    if (script.final.kind === 'silent') return;
    this.after(script.firstMs, () => {
      if (script.trying && !this.#over) this.#respond(100, { tag: '' });
      this.#ring(0);
    });
  }

  protected onCancel(invite: ServerExchange, cancel: ServerExchange): void {
    if (this.script.cancel !== 'comply') this.note(`callee does not heed CANCEL: ${this.script.cancel}`);
    if (this.script.cancel === 'deaf') {
      this.#cancelled = true;
      return;
    }
    cancel.respond(200, { tag: this.#tags[0]! });
    if (invite !== this.#invite || this.#over) return;
    this.#cancelled = true;
    if (this.script.cancel === 'answer') this.after(30, () => this.#answer(0));
    else if (this.script.cancel === 'comply') this.#refuse(487, []);
  }

  onPrack(exchange: ServerExchange, dialog: AgentDialog): void {
    const invite = this.#invite;
    const [rseq, sequence, method] = (exchange.request.headers.get('RAck') ?? '').split(' ');
    const fits = Number(sequence) === invite?.request.cseq.sequence && method === 'INVITE';
    if (!fits || Number(rseq) > this.#lastRseq)
      this.offences.push(`PRACK with a wrong RAck: ${rseq} ${sequence} ${method}`);
    const awaited = invite?.awaitedRseq === Number(rseq);
    exchange.respond(awaited ? 200 : 481, { tag: dialog.localTag });
    if (!awaited) return;
    invite?.pracked();
    this.#read(exchange.request);
    const proceed = this.#proceed;
    this.#proceed = undefined;
    proceed?.();
  }

  onAck(exchange: ServerExchange, dialog: AgentDialog, ack: SipRequest): void {
    this.read(ack);
    if (exchange !== this.#invite || this.#talking || dialog.state !== 'confirmed') return;
    this.#talking = true;
    talk(this, dialog, this.script.talk);
  }

  onNoAck(tag: string, exchange: ServerExchange): void {
    const dialog = this.dialogs.get(tag);
    if (!dialog || dialog.state === 'over') return;
    if (exchange === this.#invite) this.complain(NO_ACK);
    this.bye(dialog, 'no ACK');
  }

  get #over(): boolean {
    return this.#state === 'closed' || this.#state === 'answered';
  }

  /** Asks for credentials, or for a longer session interval, as often as the script says. */
  #challenged(exchange: ServerExchange): boolean {
    const { challenge } = this.script;
    if (this.#challengesLeft === 0) return false;
    const proof = exchange.request.headers.get(challenge === 401 ? 'Authorization' : 'Proxy-Authorization');
    if (challenge !== 422 && this.#nonce !== '') this.#verify(exchange.request, proof);
    this.#challengesLeft--;
    this.note(`callee challenges with ${challenge}`);
    exchange.respond(challenge, { tag: this.token(), rows: [this.#challenge(challenge)] });
    return true;
  }

  #challenge(status: 401 | 407 | 422): Row {
    if (status === 422) return ['Min-SE', String(1900 + 100 * this.#challengesLeft)];
    this.#nonce = this.token();
    const name = status === 401 ? 'WWW-Authenticate' : 'Proxy-Authenticate';
    return [name, `Digest realm="carrier", nonce="${this.#nonce}", algorithm=MD5, qop="auth"`];
  }

  #verify(request: SipRequest, proof: string | undefined): void {
    const right = provesTo(proof ?? '', this.#credentials!, request.method, this.#nonce);
    if (!right) this.offences.push(`wrong credentials: ${proof ?? 'none'}`);
  }

  #ring(step: number): void {
    if (this.#over || this.#state !== 'ringing') return;
    const provisional = this.script.provisionals[step];
    if (!provisional) return this.#final();
    this.after(provisional.afterMs, () => {
      if (this.#over) return;
      if (!this.#reliableNow(provisional)) {
        this.#provide(provisional);
        this.#ring(step + 1);
        return;
      }
      this.#proceed = () => this.#ring(step + 1);
      this.#provideReliably(provisional);
    });
  }

  #reliableNow({ reliable }: Provisional): boolean {
    const { headers } = this.#invite!.request;
    const offered = [...headers.list('Supported'), ...headers.list('Require')].includes('100rel');
    return offered && (reliable || headers.list('Require').includes('100rel'));
  }

  #provide({ status, fork, described }: Provisional): void {
    const lateOffer = this.#invite!.request.body.length === 0;
    const body = described && !lateOffer ? this.#ownDescription(fork) : undefined;
    const dialog = this.#dialogOf(fork);
    this.#respond(status, { tag: dialog.localTag, rows: this.contactRows(), body });
  }

  #respond(status: number, facts: ResponseFacts): void {
    this.#spoke = true;
    this.#invite!.respond(status, facts);
  }

  get #lastRseq(): number {
    return Math.max(0, ...this.#rseqs.values());
  }

  #provideReliably({ status, fork, described }: Provisional): void {
    const dialog = this.#dialogOf(fork);
    const body = described && !this.#described.has(fork) ? this.#ownDescription(fork) : undefined;
    if (body) this.#described.add(fork);
    const rseq = 1 + (this.#rseqs.get(fork) ?? 100 * fork);
    this.#rseqs.set(fork, rseq);
    this.#spoke = true;
    this.note('callee: reliable provisional response');
    const rows: Row[] = [...this.contactRows(), ['Require', '100rel'], ['RSeq', String(rseq)]];
    this.#invite!.respondReliably(status, rseq, { tag: dialog.localTag, rows, body }, () => {
      if (!this.#cancelled) this.complain(NO_PRACK);
      this.#refuse(504, []);
    });
  }

  #final(): void {
    const { final } = this.script;
    if (final.kind === 'answer') this.after(final.afterMs, () => this.#answer(final.fork));
    if (final.kind !== 'refuse') return;
    const rows: Row[] = final.status < 400 ? [['Contact', '<sip:elsewhere@example.com>']] : [];
    if (final.retryAfterSeconds !== undefined) rows.push(['Retry-After', String(final.retryAfterSeconds)]);
    this.after(final.afterMs, () => this.#refuse(final.status, rows));
  }

  #answer(fork: number): void {
    if (this.#over) return;
    this.#state = 'answered';
    this.#accept(fork);
    const { final } = this.script;
    const second = final.kind === 'answer' ? final.second : undefined;
    if (!second) return;
    this.note('a second fork answers');
    this.after(second.afterMs, () => this.#accept(second.fork));
  }

  #accept(fork: number): void {
    const exchange = this.#invite!;
    const dialog = this.#dialogOf(fork);
    dialog.confirm();
    const given = this.#described.has(fork);
    const needed = !given || this.script.repeatsDescription;
    const lateOfferDone = given && exchange.request.body.length === 0;
    const body = needed && !lateOfferDone ? this.#ownDescription(fork) : undefined;
    const rows = [...this.contactRows(), ...this.#sessionRows(exchange.request)];
    exchange.respond(200, { tag: dialog.localTag, rows, body });
    settle(dialog, rows);
  }

  #sessionRows(request: SipRequest): readonly Row[] {
    const { wish } = this;
    if (!wish) return [];
    const usual = sessionAnswer(request);
    if (usual.length === 0) return [];
    const minimum = Number.parseInt(request.headers.get('Min-SE') ?? '90', 10);
    const refresher = wish.refresher ?? 'uac';
    return [
      ['Session-Expires', `${Math.max(minimum, wish.seconds)};refresher=${refresher}`],
      ['Require', 'timer'],
    ];
  }

  #refuse(status: number, rows: readonly Row[]): void {
    if (this.#over) return;
    this.#state = 'closed';
    for (const dialog of this.dialogs.values()) dialog.end('refused');
    this.#invite!.respond(status, { tag: this.#tags[0]!, rows });
  }

  /** The same description in every response of one offer/answer exchange, each fork its own. */
  #ownDescription(fork: number): Buffer {
    const kept = this.#kept.get(fork) ?? this.describe(reversed(this.#offered));
    this.#kept.set(fork, kept);
    return kept;
  }

  readonly #kept = new Map<number, Buffer>();
  #offered: 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive' = 'sendrecv';

  #read(message: SipRequest): void {
    const said = this.read(message);
    if (said && said !== 'malformed') this.#offered = said.direction;
  }

  #dialogOf(fork: number): AgentDialog {
    const localTag = this.#tags[fork]!;
    const known = this.dialogs.get(localTag);
    if (known) return known;
    if (this.dialogs.size > 0) this.note('a further fork makes a dialog');
    const { request } = this.#invite!;
    const to = request.headers.get('To')!;
    const dialog = new AgentDialog(
      {
        localTag,
        local: `${to};tag=${localTag}`,
        remote: request.headers.get('From')!,
        remoteTag: request.from.tag ?? '',
        remoteTarget: request.contact?.uri ?? request.from.uri,
        localSequence: 100,
        remoteSequence: request.cseq.sequence,
      },
      this,
    );
    this.dialogs.set(localTag, dialog);
    return dialog;
  }
}
