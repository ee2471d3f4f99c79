import { readDecimal } from './chars.js';
import type { SipParseError, SipParseFault } from './errors.js';
import { ID_CONTENT_LENGTH } from './header-names.js';
import { Headers } from './headers.js';
import { DEFAULT_LIMITS, type ParseLimits } from './limits.js';
import { parseDatagram } from './parser.js';
import { HeaderScan } from './scan.js';
import { bytesOf } from './wire-bytes.js';

/**
 * Cuts a byte stream into messages (RFC 3261 §18.3, §7.5) and keep-alives (RFC 5626 §3.5.1).
 *
 *     ──CRLF CRLF──INVITE … Content-Length: 142 CRLF CRLF <142 bytes>SIP/2.0 200 OK …──►
 *       ping       message                                            message
 *
 * Without a valid Content-Length there is no telling where the next message starts: a missing, repeated or malformed
 * one ends the stream. `next` then reports the error, and the same error whenever it is asked again.
 */

export type FramerOutcome =
  | { readonly kind: 'message'; readonly bytes: Buffer }
  | { readonly kind: 'keepalive-ping' }
  | { readonly kind: 'keepalive-pong' }
  | { readonly kind: 'more' }
  | { readonly kind: 'error'; readonly error: SipParseError };

const MORE: FramerOutcome = { kind: 'more' };
const PING: FramerOutcome = { kind: 'keepalive-ping' };
const PONG: FramerOutcome = { kind: 'keepalive-pong' };
const EMPTY = Buffer.alloc(0);
const BLANK_LINE = Buffer.from('\r\n\r\n');
const MAX_CONTENT_LENGTH = 2 ** 31 - 1;
const LF = 0x0a;
const CR = 0x0d;
const MIN_STORE_BYTES = 4096;

const scan = new HeaderScan();

export class StreamFramer {
  private readonly limits: ParseLimits;
  private readonly role: 'client' | 'server';
  /** Unread bytes are store[readAt, writeAt). What lies before writeAt is never overwritten: messages are views of it. */
  private store: Buffer = EMPTY;
  private readAt = 0;
  private writeAt = 0;
  /** No blank line starts before this offset. */
  private searchedTo = 0;
  /** Whole message length once its header part is known, else 0. */
  private messageLength = 0;
  private failure: FramerOutcome | undefined = undefined;

  /**
   * @param role `client`: we send pings on this stream, so a lone CRLF is a pong at once; `server`: we send none, so a
   *   lone CRLF is held until it becomes a ping, or is passed over when a message follows
   */
  constructor(limits: ParseLimits = DEFAULT_LIMITS, role: 'client' | 'server' = 'client') {
    this.limits = limits;
    this.role = role;
  }

  /** Bytes received and not yet given out. */
  get pendingBytes(): number {
    return this.writeAt - this.readAt;
  }

  /** Takes received bytes, which must not be changed afterwards. */
  push(bytes: Buffer): void {
    if (this.failure !== undefined || bytes.length === 0) return;
    if (this.readAt === this.writeAt) {
      this.adopt(bytes, bytes.length);
      return;
    }
    if (this.writeAt + bytes.length > this.store.length) this.grow(bytes.length);
    bytes.copy(this.store, this.writeAt);
    this.writeAt += bytes.length;
  }

  /** The next whole item, or `more`. Call until it gives `more` or `error`. */
  next(): FramerOutcome {
    if (this.failure !== undefined) return this.failure;
    return this.messageLength > 0 ? this.body() : (this.keepAlive() ?? this.head());
  }

  /** A received chunk serves as the store until more is appended: nothing is written into it. */
  private adopt(store: Buffer, writeAt: number): void {
    this.store = store;
    this.readAt = 0;
    this.writeAt = writeAt;
    this.searchedTo = 0;
  }

  private grow(extra: number): void {
    const unread = this.writeAt - this.readAt;
    const searched = this.searchedTo - this.readAt;
    const store = Buffer.allocUnsafeSlow(Math.max(MIN_STORE_BYTES, 2 * (unread + extra)));
    this.store.copy(store, 0, this.readAt, this.writeAt);
    this.adopt(store, unread);
    this.searchedTo = Math.max(0, searched);
  }

  private keepAlive(): FramerOutcome | undefined {
    const unread = this.writeAt - this.readAt;
    if (unread === 0) return MORE;
    if (this.store[this.readAt] !== CR) return undefined;
    if (unread === 1) return MORE;
    if (this.store[this.readAt + 1] !== LF) return undefined;
    if (unread >= 4 && this.store[this.readAt + 2] === CR && this.store[this.readAt + 3] === LF)
      return this.took(4, PING);
    if (unread === 3 && this.store[this.readAt + 2] === CR) return MORE;
    if (this.role === 'client') return this.took(2, PONG);
    if (unread === 2) return MORE;
    this.took(2, MORE);
    return this.keepAlive();
  }

  private took(count: number, outcome: FramerOutcome): FramerOutcome {
    this.readAt += count;
    this.searchedTo = this.readAt;
    return outcome;
  }

  private head(): FramerOutcome {
    const blank = this.store.subarray(0, this.writeAt).indexOf(BLANK_LINE, Math.max(this.readAt, this.searchedTo));
    const headEnd = blank < 0 ? this.writeAt : blank + BLANK_LINE.length;
    if (headEnd - this.readAt > this.limits.maxHeaderBytes) return this.failHead(headEnd);
    if (blank < 0) {
      this.searchedTo = Math.max(this.readAt, this.writeAt - BLANK_LINE.length + 1);
      return MORE;
    }
    const head = this.store.subarray(this.readAt, headEnd);
    const length = bodyLengthOf(head, this.limits);
    if (typeof length !== 'number') return this.fail(length, head);
    this.messageLength = head.length + length;
    return this.body();
  }

  private body(): FramerOutcome {
    const end = this.readAt + this.messageLength;
    if (end > this.writeAt) return MORE;
    const bytes = this.store.subarray(this.readAt, end);
    this.messageLength = 0;
    return this.took(bytes.length, { kind: 'message', bytes });
  }

  private failHead(headEnd: number): FramerOutcome {
    const fault = { code: 'parse.headers-too-large', offset: this.limits.maxHeaderBytes, status: 400 } as const;
    return this.fail({ ...fault, reason: 'Header fields too large' }, this.store.subarray(this.readAt, headEnd));
  }

  private fail(fault: SipParseFault, head: Buffer): FramerOutcome {
    const outcome = parseDatagram(head, this.limits);
    const message =
      outcome.kind === 'message' ? outcome.message : outcome.kind === 'error' ? outcome.error.message : undefined;
    this.failure = { kind: 'error', error: message === undefined ? fault : { ...fault, message } };
    this.adopt(EMPTY, 0);
    return this.failure;
  }
}

/** Content-Length of a whole header part, read by the same scan as the parser uses, so that both see one length. */
function bodyLengthOf(head: Buffer, limits: ParseLimits): number | SipParseFault {
  scan.run(head, limits);
  if (!scan.has(ID_CONTENT_LENGTH)) return lengthFault('Content-Length missing');
  if ((scan.repeated & (1 << ID_CONTENT_LENGTH)) !== 0) return lengthFault('Content-Length more than once');
  const value = new Headers(scan.text, scan.takeRows()).get('Content-Length')!;
  const length = readDecimal(bytesOf(value), 0, value.length, MAX_CONTENT_LENGTH);
  if (length < 0) return lengthFault('Malformed Content-Length');
  if (length <= limits.maxBodyBytes) return length;
  return { code: 'parse.body-too-large', offset: head.length, status: 413, reason: 'Request Entity Too Large' };
}

const lengthFault = (reason: string): SipParseFault => ({
  code: 'parse.content-length',
  offset: 0,
  status: 400,
  reason,
});
