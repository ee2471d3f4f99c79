import type { GatewayError, Scheduler } from '../core/index.js';
import type { Side } from '../rtp/index.js';
import type { Dialog, InboundRequest, SipRequest, SipResponse } from '../sip/index.js';
import type { Happening } from './call-parts.js';
import {
  type Digit,
  type DigitFault,
  encodedDigit,
  isDigitFault,
  isDigitType,
  readDigit,
  writeDigit,
} from './dtmf-info.js';
import { type MediaBridge, opposite, type TakesInfo } from './media-bridge.js';
import { bodyOf } from './session-body.js';

/** Digits that wait for the INFO before them to be answered. */
const MAX_WAITING = 32;
/** Playing time that may be ordered ahead, ms: some ten seconds of digits. */
const MAX_AHEAD_MS = 10_000;
/** An event takes this longer than its duration: its ends and the pause behind them, ms. */
const OVERHEAD_MS = 80;

/** Answers that say that this side will take no digit in INFO, ever. */
const NEVER = new Set([405, 415, 469, 489, 501]);

export interface DtmfSettings {
  readonly settings: { readonly dtmf?: 'auto' | 'pass' };
  readonly scheduler: Scheduler;
}

/** The dialogs of the call that digits pass through. */
export interface DialogsBySide {
  dialog(side: Side): Dialog | undefined;
}

/** Digits on their way to one side in INFO. */
interface Outgoing {
  readonly waiting: Digit[];
  asking: boolean;
  refused: boolean;
}

/**
 * Digits between a side with telephone-events (RFC 4733) and one that uses SIP INFO in their place.
 *
 *     event told by the media engine ──► INFO, one after another ──► the side without events
 *     INFO of the side without ──► answered here ──► event played by the media engine ──► the other
 *
 * Where both sides have events, or neither has, INFO passes like any other request.
 */
export class DtmfInterworking {
  /** Whether a side lists INFO in Allow, or has sent a digit that way; absent where digits are left alone. */
  readonly takesInfo: TakesInfo | undefined;
  readonly #emit: (happening: Happening) => void;
  #media: MediaBridge | undefined;
  #dialogs: DialogsBySide | undefined;
  readonly #scheduler: Scheduler;
  readonly #sentInfo = new Set<Side>();
  readonly #outgoing: Readonly<Record<Side, Outgoing>>;
  /** When what was ordered for a side will have been played, monotonic ms. */
  readonly #playedMs: Record<Side, number> = { customer: 0, remote: 0 };

  /** @param invite the caller's: tells its methods before it has a dialog */
  constructor(
    invite: SipRequest,
    callerSide: Side,
    { settings, scheduler }: DtmfSettings,
    emit: (happening: Happening) => void,
  ) {
    this.#emit = emit;
    this.#scheduler = scheduler;
    const told = invite.headers.list('Allow').includes('INFO');
    const allows = (side: Side): boolean =>
      this.#dialogs?.dialog(side)?.remoteAllows.has('INFO') ?? (side === callerSide && told);
    if (settings.dtmf !== 'pass') this.takesInfo = (side) => this.#sentInfo.has(side) || allows(side);
    const outgoing = (): Outgoing => ({ waiting: [], asking: false, refused: false });
    this.#outgoing = { customer: outgoing(), remote: outgoing() };
  }

  /** The call's media is open, and its dialogs have a place. */
  join(media: MediaBridge, dialogs: DialogsBySide): void {
    this.#media = media;
    this.#dialogs = dialogs;
  }

  /** The media engine has heard a telephone-event of a side. */
  onEvent(side: Side, digit: Digit): void {
    const to = opposite(side);
    if (this.#media?.eventMode(to) !== 'drop') return;
    const outgoing = this.#outgoing[to];
    if (outgoing.refused) return this.#refuse(to, 'dtmf.info-refused');
    if (outgoing.waiting.length >= MAX_WAITING) return this.#refuse(to, 'dtmf.too-many');
    outgoing.waiting.push(digit);
    this.#ask(to);
  }

  /** An INFO of a side. Returns whether it held a digit that is dealt with here, and answered. */
  onInfo(side: Side, incoming: InboundRequest): boolean {
    const contentType = incoming.request.headers.get('Content-Type') ?? '';
    if (!isDigitType(contentType)) return false;
    this.#sentInfo.add(side);
    const media = this.#media;
    if (media?.eventMode(opposite(side)) !== 'play') return false;
    const digit = digitOf(incoming.request, contentType);
    const fault = isDigitFault(digit) ? digit : this.#unplayable(media, opposite(side), digit);
    if (isDigitFault(digit) || fault) {
      this.#refuse(side, fault!.code, fault!.sipStatus);
      incoming.respond(fault!.sipStatus, { reason: fault!.reason });
    } else {
      this.#play(media, opposite(side), digit);
      incoming.respond(200);
      this.#emit({ kind: 'dtmf', side, way: 'info', ...digit });
    }
    return true;
  }

  #play(media: MediaBridge, to: Side, { event, durationMs }: Digit): void {
    media.playEvent(to, event, durationMs);
    this.#playedMs[to] = Math.max(this.#playedMs[to], this.#scheduler.nowMs()) + durationMs + OVERHEAD_MS;
  }

  #unplayable(media: MediaBridge, to: Side, { durationMs }: Digit): Refusal | undefined {
    const direction = media.direction(to);
    if (direction !== 'sendrecv' && direction !== 'sendonly') {
      return { sipStatus: 488, code: 'dtmf.held', reason: 'The other side is on hold' };
    }
    const aheadMs = this.#playedMs[to] - this.#scheduler.nowMs();
    if (aheadMs + durationMs <= MAX_AHEAD_MS) return undefined;
    return { sipStatus: 486, code: 'dtmf.too-many', reason: 'Digits before this one are still played' };
  }

  /** Sends the digit that waits, when the one before has been answered. */
  #ask(to: Side): void {
    const outgoing = this.#outgoing[to];
    const dialog = this.#dialogs?.dialog(to);
    if (outgoing.asking) return;
    const digit = outgoing.waiting.shift();
    if (!digit) return;
    if (!dialog || !mayTakeInfo(dialog)) return this.#refuse(to, 'dtmf.unanswered');
    outgoing.asking = true;
    dialog.request('INFO', { body: writeDigit(digit) }, (outcome) => this.#onAnswer(to, outcome));
  }

  #onAnswer(to: Side, outcome: SipResponse | GatewayError): void {
    const status = 'status' in outcome ? outcome.status : undefined;
    if (status !== undefined && status < 200) return;
    const outgoing = this.#outgoing[to];
    outgoing.asking = false;
    if (status === undefined || status >= 300) this.#refuse(to, 'dtmf.info-refused', status);
    if (status !== undefined && NEVER.has(status)) {
      outgoing.refused = true;
      outgoing.waiting.length = 0;
    }
    this.#ask(to);
  }

  #refuse(side: Side, code: string, sipStatus?: number): void {
    this.#emit({ kind: 'dtmf-refused', side, code, ...(sipStatus !== undefined && { sipStatus }) });
  }
}

/** Before the answer a digit may be meant for what is heard in early media: it is told to who lists INFO there. */
const mayTakeInfo = ({ state, remoteAllows }: Dialog): boolean =>
  state === 'confirmed' || (state === 'early' && remoteAllows.has('INFO'));

function digitOf(request: SipRequest, contentType: string): Digit | DigitFault {
  const encoding = request.headers.get('Content-Encoding') ?? 'identity';
  if (encoding.toLowerCase() !== 'identity') return encodedDigit;
  return readDigit(bodyOf(request) ?? { contentType, bytes: Buffer.alloc(0) });
}

interface Refusal {
  readonly sipStatus: DigitFault['sipStatus'] | 486 | 488;
  readonly code: string;
  readonly reason: string;
}
