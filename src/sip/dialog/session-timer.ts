import type { SipRequest, SipResponse } from '../message/index.js';
import type { HeaderRow } from '../signaling.js';
import type { ListTimer } from '../transaction/index.js';
import type { DialogContext } from './context.js';

/**
 * Session timers (RFC 4028): a session that nobody refreshes ends.
 *
 *     2xx            interval/2                     interval − min(32, interval/3)      interval
 *     ├──────────────────┼───────────────────────────────────┼───────────────────────────┤
 *                        refresh, when it is ours            expired: the call is ended
 */

/** What a 2xx settled. `us` refreshes, or `them`. */
export interface SessionTerms {
  readonly intervalSeconds: number;
  readonly refresher: 'us' | 'them';
}

interface SessionExpires {
  readonly seconds: number;
  readonly refresher: 'uac' | 'uas' | undefined;
}

/** RFC 4028 §4: no interval below this may be asked for. */
export const SMALLEST_INTERVAL_SECONDS = 90;
const LARGEST_SECONDS = 2 ** 31 - 1;
/** A peer that settles on less than RFC 4028 allows is followed down to this, so that it cannot drive a refresh storm. */
const FOLLOWED_SECONDS = 10;

/** The Session-Expires of a message; undefined when absent or malformed. */
export function sessionExpires(message: SipRequest | SipResponse): SessionExpires | undefined {
  const value = message.headers.get('Session-Expires');
  const seconds = deltaSeconds(value);
  if (value === undefined || seconds === undefined) return undefined;
  const refresher = /;\s*refresher\s*=\s*(uac|uas)/i.exec(value)?.[1]?.toLowerCase() as 'uac' | 'uas' | undefined;
  return { seconds, refresher };
}

/** Min-SE of a message, at least 90. */
export const minimumSe = (message: SipRequest | SipResponse): number =>
  Math.max(SMALLEST_INTERVAL_SECONDS, deltaSeconds(message.headers.get('Min-SE')) ?? 0);

function deltaSeconds(value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  const seconds = Number.parseInt(value, 10);
  return seconds >= 0 && seconds <= LARGEST_SECONDS ? seconds : undefined;
}

/** True when the message lists the option tag in Supported or Require. */
export function supportsOption(message: SipRequest | SipResponse, tag: string): boolean {
  return listsTag(message, 'Supported', tag) || listsTag(message, 'Require', tag);
}

export const listsTag = (message: SipRequest | SipResponse, header: string, tag: string): boolean =>
  message.headers.has(header) && message.headers.list(header).some((listed) => listed.toLowerCase() === tag);

/** Min-SE to refuse this request with (422, RFC 4028 §9); undefined when its interval will do. */
export function refusedMinimum(request: SipRequest, minimumSeconds: number): number | undefined {
  const asked = sessionExpires(request);
  if (!asked || asked.seconds >= minimumSeconds || !supportsOption(request, 'timer')) return undefined;
  return minimumSeconds;
}

/** As UAS: the terms of our 2xx to this request (RFC 4028 §9, table 2), and the rows that tell them. */
export function settleAsUas(
  request: SipRequest,
  wantedSeconds: number,
  current: SessionTerms | undefined,
): { terms: SessionTerms; rows: readonly HeaderRow[] } | undefined {
  const asked = sessionExpires(request);
  const peerAble = supportsOption(request, 'timer');
  if (!asked && (!peerAble || wantedSeconds === 0)) return undefined;
  const intervalSeconds = asked?.seconds ?? Math.max(wantedSeconds, minimumSe(request));
  const refresher = refresherAsUas(asked, peerAble, current);
  const rows: HeaderRow[] = [['Session-Expires', `${intervalSeconds};refresher=${refresher}`]];
  if (refresher === 'uac') rows.push(['Require', 'timer']);
  return { terms: { intervalSeconds, refresher: refresher === 'uac' ? 'them' : 'us' }, rows };
}

function refresherAsUas(
  asked: SessionExpires | undefined,
  peerAble: boolean,
  current: SessionTerms | undefined,
): 'uac' | 'uas' {
  if (!peerAble) return 'uas';
  if (asked?.refresher) return asked.refresher;
  if (current) return current.refresher === 'us' ? 'uas' : 'uac';
  return asked ? 'uac' : 'uas';
}

/** As UAC: what a 2xx to our request settled (§7.2); undefined means the session has no timer. */
export function settleAsUac(response: SipResponse): SessionTerms | undefined {
  const settled = sessionExpires(response);
  return settled && { intervalSeconds: settled.seconds, refresher: settled.refresher === 'uas' ? 'them' : 'us' };
}

/** Rows of our INVITE or UPDATE; inside a session the refresher stays who it is (§7.4). */
export function askRows(
  intervalSeconds: number,
  minimumSeconds: number,
  current: SessionTerms | undefined,
): HeaderRow[] {
  const refresher = current ? `;refresher=${current.refresher === 'us' ? 'uac' : 'uas'}` : '';
  return [
    ['Session-Expires', `${Math.max(intervalSeconds, minimumSeconds)}${refresher}`],
    ['Min-SE', String(minimumSeconds)],
  ];
}

/** Watches one session. */
export class SessionTimer {
  readonly #context: DialogContext;
  readonly #user: SessionTimerUser;
  #terms: SessionTerms | undefined;
  #refresh: ListTimer | undefined;
  #expire: ListTimer | undefined;

  constructor(context: DialogContext, user: SessionTimerUser) {
    this.#context = context;
    this.#user = user;
  }

  get terms(): SessionTerms | undefined {
    return this.#terms;
  }

  /** A 2xx settled new terms: the interval begins again; without terms there is none. */
  settle(terms: SessionTerms | undefined): void {
    this.stop();
    this.#terms = terms;
    if (!terms) return;
    const seconds = Math.max(terms.intervalSeconds, FOLLOWED_SECONDS);
    if (terms.refresher === 'us') this.#refresh = this.#context.timers.start(seconds * 500, this, 'refresh');
    const earlierSeconds = Math.min(32, seconds / 3);
    this.#expire = this.#context.timers.start((seconds - earlierSeconds) * 1000, this, 'expire');
  }

  stop(): void {
    this.#context.timers.stop(this.#refresh);
    this.#context.timers.stop(this.#expire);
    this.#refresh = this.#expire = undefined;
  }

  /** The refresh did not go through; another try in a while, as long as the interval lasts. */
  retryRefresh(afterMs: number): void {
    if (this.#expire && !this.#refresh) this.#refresh = this.#context.timers.start(afterMs, this, 'refresh');
  }

  onTimer(name: 'refresh' | 'expire'): void {
    if (name === 'refresh') {
      this.#refresh = undefined;
      this.#user.onRefreshDue();
      return;
    }
    this.stop();
    this.#user.onSessionExpired();
  }
}

export interface SessionTimerUser {
  onRefreshDue(): void;
  onSessionExpired(): void;
}
