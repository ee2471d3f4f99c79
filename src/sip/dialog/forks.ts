import type { DigestClient } from '../auth/index.js';
import type { SipResponse } from '../message/index.js';
import type { SessionTimerOrder } from '../signaling.js';
import type { Flow } from '../transport/flow.js';
import type { DialogContext } from './context.js';
import { type DialogState, uacDialogState } from './dialog-state.js';
import { InviteDialog } from './invite-dialog.js';
import { ReliableReceiver } from './reliable-receiver.js';
import type { SentAck } from './sent-ack.js';

/** One fork: an early or confirmed dialog and the order of its reliable responses. */
export interface Fork {
  readonly dialog: InviteDialog;
  readonly reliable: ReliableReceiver;
}

/** So many forks are followed: a callee that answers with ever new tags would otherwise fill our memory. */
const MOST_FORKS = 64;

/** What all forks of one INVITE share. */
export interface ForkFacts {
  readonly requestUri: string;
  /** From value, tag included. */
  readonly from: string;
  readonly localTag: string;
  readonly credentials: DigestClient | undefined;
  readonly sessionTimer: SessionTimerOrder | undefined;
  /** True when the INVITE carried an offer. */
  readonly offered: boolean;
}

/**
 * The dialogs that the responses to one INVITE make, one for each To tag (RFC 3261 §12.1.2, §13.2.2.4). Of a dialog
 * that has ended only the ACK stays, which its repeated 2xx still asks for.
 */
export class Forks {
  readonly #context: DialogContext;
  readonly #facts: ForkFacts;
  readonly #live = new Map<string, Fork>();
  readonly #acks = new Map<string, SentAck>();
  /** Early dialogs that have ended: should they be answered all the same, their CSeq numbers go on (§12.2.1.1). */
  readonly #past = new Map<string, DialogState>();
  /** Min-SE as it stands: a 422 raises it. */
  minimumSeconds: number;
  /** Told when the last confirmed dialog has ended. */
  onAllEnded: (() => void) | undefined;

  constructor(context: DialogContext, facts: ForkFacts) {
    this.#context = context;
    this.#facts = facts;
    this.minimumSeconds = facts.sessionTimer?.minimumSeconds ?? 0;
  }

  /** True for a response of one fork too many; it is to be passed over. */
  isTooMany(response: SipResponse): boolean {
    if (this.#live.size + this.#past.size + this.#acks.size < MOST_FORKS) return false;
    const tag = response.to.tag ?? '';
    if (this.#live.has(tag) || this.#past.has(tag) || this.#acks.has(tag)) return false;
    this.#context.counters.add('sip_stray', 'fork');
    return true;
  }

  /** The fork of this response's To tag; a new one is early. */
  of(response: SipResponse, flow: Flow): Fork {
    const tag = response.to.tag ?? '';
    const known = this.#live.get(tag);
    if (known) return known;
    const { sessionTimer, offered, credentials } = this.#facts;
    const data = this.#past.get(tag) ?? uacDialogState({ ...this.#facts, sequence: response.cseq.sequence }, response);
    const dialog = new InviteDialog(this.#context, data, 'uac', flow, credentials);
    if (sessionTimer) dialog.session.setWishes(sessionTimer.intervalSeconds, this.minimumSeconds);
    if (offered) dialog.offers.sent();
    const fork = { dialog, reliable: new ReliableReceiver() };
    dialog.onEnded = () => this.#ended(tag, dialog);
    this.#live.set(tag, fork);
    this.#context.dialogs.add(dialog);
    return fork;
  }

  /** Repeats the ACK of a 2xx that came before; false when this one is the first of its fork. */
  repeatAck(response: SipResponse, flow: Flow): boolean {
    const tag = response.to.tag ?? '';
    const live = this.#live.get(tag)?.dialog;
    const ack = live ? live.outbox.sentAck : this.#acks.get(tag);
    if (!ack || live?.state === 'early') return false;
    ack.repeat(response.cseq.sequence, flow);
    return true;
  }

  /** Ends the dialogs that no 2xx has confirmed. */
  endEarly(): void {
    for (const { dialog } of [...this.#live.values()]) if (dialog.state === 'early') dialog.end();
  }

  #ended(tag: string, dialog: InviteDialog): void {
    this.#live.delete(tag);
    if (dialog.wasConfirmed) this.#acks.set(ownCopy(tag), dialog.outbox.sentAck);
    else this.#past.set(ownCopy(tag), dialog.data);
    if (this.#live.size > 0 || this.#acks.size === 0) return;
    this.onAllEnded?.();
  }
}

/** A text that does not hold on to the message it was cut out of. */
const ownCopy = (text: string): string => Buffer.from(text, 'latin1').toString('latin1');
