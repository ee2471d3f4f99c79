import { type SipMessage, type SipRequest, SipUri } from '../../sip/index.js';
import type { ServerExchange } from './server-exchange.js';
import { SessionWatch, type SessionWatchUser } from './session-watch.js';

export interface DialogEnds {
  /** Our tag, and the From value of our requests. */
  readonly localTag: string;
  readonly local: string;
  /** To value of our requests. */
  readonly remote: string;
  readonly remoteTag: string;
  readonly remoteTarget: string;
  readonly localSequence: number;
  readonly remoteSequence: number;
}

/**
 * A dialog as a peer has it.
 *
 *     early ── 2xx ──► confirmed ── BYE of either side, 481, or giving up ──► over
 */
export class AgentDialog {
  readonly localTag: string;
  readonly local: string;
  readonly remote: string;
  readonly remoteTag: string;
  remoteTarget: string;
  localSequence: number;
  remoteSequence: number;
  state: 'early' | 'confirmed' | 'over' = 'early';
  /** How it ended. */
  how = '';
  /** An INVITE or UPDATE with an offer of ours has no final response. */
  offering = false;
  /** INVITE of the gateway without a final response. */
  openInvite: ServerExchange | undefined;
  readonly session: SessionWatch;
  /** ACK of the last 2xx, by CSeq number. */
  readonly acks = new Map<number, Buffer>();

  constructor(ends: DialogEnds, user: SessionWatchUser) {
    this.localTag = ends.localTag;
    this.local = ends.local;
    this.remote = ends.remote;
    this.remoteTag = ends.remoteTag;
    this.remoteTarget = ends.remoteTarget;
    this.localSequence = ends.localSequence;
    this.remoteSequence = ends.remoteSequence;
    this.session = new SessionWatch(user, this);
  }

  confirm(): void {
    if (this.state === 'early') this.state = 'confirmed';
  }

  end(how: string): void {
    if (this.state === 'over') return;
    this.state = 'over';
    this.how = how;
    this.session.stop();
  }

  refreshTarget(message: SipMessage): void {
    const contact = message.contact?.uri;
    if (contact !== undefined) this.remoteTarget = contact;
  }
}

/** Contact of a message, else the address it is from. */
export const targetOf = (message: SipMessage, fallback: string): string => message.contact?.uri ?? fallback;

/** True when a request is meant for us: its Request-URI is the Contact we gave. */
export const isForUs = (request: SipRequest, address: string): boolean =>
  SipUri.parse(request.requestUri).host === address;
