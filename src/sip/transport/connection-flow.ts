import { GatewayError, type Timer } from '../../core/index.js';
import { formatHostPort } from '../message/index.js';
import type { Endpoint, Flow, TlsFacts, TransportName } from './flow.js';
import type { TransportContext } from './limits.js';

/**
 * What all connections share (RFC 3261 §18, RFC 5626 §3.5.1): deadlines, a bound on what waits to be written, and
 * exactly one end.
 *
 *     open ──► [first message due] ──► useful ──► idle too long ─┐
 *       │            │ silent            │ message half-way ─ slow ┼─► failed: receiver told once, socket destroyed
 *       │            └───────────────────┴─ write queue full ─────┘
 *       └─ close() by the core: queue flushed, receiver not told
 *
 * Idle is a connection without a dialog only. One timer serves all deadlines: it fires at the earliest and is set again,
 * so a message costs a number, not a timer.
 */

export interface ConnectionFacts {
  readonly transport: TransportName;
  readonly local: Endpoint;
  readonly remote: Endpoint;
  readonly inbound: boolean;
  readonly tls?: TlsFacts;
}

/** Why a connection ended, as error code and as counter label. */
export type EndReason = 'closed' | 'reset' | 'silent' | 'slow' | 'idle' | 'overflow' | 'framing' | 'by-us' | 'send';

/** Answers to pings that may wait for a peer that does not read. */
const MOST_PONGS = 64;

export abstract class ConnectionFlow implements Flow {
  readonly transport: TransportName;
  readonly local: Endpoint;
  readonly remote: Endpoint;
  readonly inbound: boolean;
  readonly tls?: TlsFacts;
  readonly reliable = true;
  protected readonly context: TransportContext;
  #closed = false;
  #timer: Timer | undefined;
  readonly #openedMs: number;
  #activeMs: number;
  /** A whole message has come, or we opened the connection: it need not prove its use any more. */
  #useful: boolean;
  #partialMs: number | undefined;
  #pongsWaiting = 0;
  #onEnd: (() => void) | undefined;

  constructor(facts: ConnectionFacts, context: TransportContext) {
    this.transport = facts.transport;
    this.local = facts.local;
    this.remote = facts.remote;
    this.inbound = facts.inbound;
    if (facts.tls) this.tls = facts.tls;
    this.context = context;
    this.#openedMs = this.#activeMs = context.scheduler.nowMs();
    this.#useful = !facts.inbound;
    context.counters.add('sip_connections_opened', `${facts.transport}-${facts.inbound ? 'in' : 'out'}`);
    context.connections.add(this);
    this.#watch();
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Runs once when the connection can carry no more, however it ended; at once when it has. */
  onEnd(callback: () => void): void {
    if (this.#closed) {
      callback();
      return;
    }
    const earlier = this.#onEnd;
    this.#onEnd = () => {
      earlier?.();
      callback();
    };
  }

  send(bytes: Buffer): void {
    if (this.#closed) {
      queueMicrotask(() => this.#tell('closed', 'connection is closed'));
      return;
    }
    this.#activeMs = this.context.scheduler.nowMs();
    this.context.counters.add('sip_messages_sent', this.transport);
    this.write(bytes);
    if (this.queuedBytes() <= this.context.limits.writeQueueBytes) return;
    queueMicrotask(() => this.fail('overflow', 'the peer does not read what is sent to it'));
  }

  close(): void {
    if (this.#closed) return;
    this.#ended('by-us');
    this.#endGently();
  }

  /** Closes, and resolves when the socket is gone, `closeMs` later at most. */
  finish(): Promise<void> {
    return new Promise((resolve) => {
      this.onSocketClosed(resolve);
      this.close();
    });
  }

  /** Ends the connection and tells the receiver; gently: after what is queued (an answer to the fault) is written. */
  fail(reason: EndReason, why: string, cause?: Error, gently = false): void {
    if (this.#closed) return;
    this.#ended(reason);
    if (gently) this.#endGently();
    else this.destroy();
    this.#tell(reason, why, cause);
  }

  /** Writes bytes as one message. */
  protected abstract write(bytes: Buffer): void;
  /** Bytes accepted by write and not yet taken by the system. */
  protected abstract queuedBytes(): number;
  /** Ends the connection once the queue is written. */
  protected abstract end(): void;
  /** Ends the connection now. */
  protected abstract destroy(): void;
  /** Runs the callback when the socket is gone. */
  protected abstract onSocketClosed(callback: () => void): void;

  /** One whole message has come. */
  protected deliver(bytes: Buffer): void {
    const { counters, guard, receiver } = this.context;
    this.#useful = true;
    this.#activeMs = this.context.scheduler.nowMs();
    if (!guard.admitMessage(this.remote.address)) return;
    counters.add('sip_messages_received', this.transport);
    receiver.receive(bytes, this);
  }

  /** A ping or pong has come. */
  protected alive(): void {
    this.#activeMs = this.context.scheduler.nowMs();
    this.context.counters.add('sip_keepalives', this.transport);
  }

  /** Answers a ping, unless many answers wait: a peer that pings and does not read must not fill our memory. */
  protected answerPing(write: (taken: () => void) => void): void {
    this.alive();
    if (this.#pongsWaiting === MOST_PONGS) return;
    this.#pongsWaiting++;
    write(() => this.#pongsWaiting--);
  }

  /** Whether a message has begun and not ended; the deadline runs from the first call with true. */
  protected partial(begun: boolean): void {
    if (!begun) this.#partialMs = undefined;
    else if (this.#partialMs === undefined) {
      this.#partialMs = this.context.scheduler.nowMs();
      this.#watch();
    }
  }

  #endGently(): void {
    this.end();
    const linger = this.context.scheduler.after(this.context.limits.closeMs, () => this.destroy());
    this.onSocketClosed(() => linger.cancel());
  }

  #watch(): void {
    this.#timer?.cancel();
    const delayMs = Math.max(0, this.#earliest().atMs - this.context.scheduler.nowMs());
    this.#timer = this.context.scheduler.after(delayMs, () => this.#due());
  }

  #due(): void {
    const { atMs, reason, why } = this.#earliest();
    const nowMs = this.context.scheduler.nowMs();
    if (atMs > nowMs) return this.#watch();
    if (reason !== 'idle' || !this.context.receiver.inUse(this)) return this.fail(reason, why);
    // A call may be silent for hours where its peer refreshes no session.
    this.#activeMs = nowMs;
    this.#watch();
  }

  #earliest(): { atMs: number; reason: EndReason; why: string } {
    const { limits } = this.context;
    let due: { atMs: number; reason: EndReason; why: string } = {
      atMs: this.#activeMs + limits.idleMs,
      reason: 'idle',
      why: 'the connection was idle too long',
    };
    const firstMs = this.#openedMs + limits.firstMessageMs;
    if (!this.#useful && firstMs < due.atMs) due = { atMs: firstMs, reason: 'silent', why: 'no message came in time' };
    const wholeMs = (this.#partialMs ?? Infinity) + limits.messageMs;
    if (wholeMs < due.atMs) due = { atMs: wholeMs, reason: 'slow', why: 'a message was not finished in time' };
    return due;
  }

  #ended(reason: EndReason): void {
    this.#closed = true;
    this.#timer?.cancel();
    this.context.connections.delete(this);
    this.context.counters.add('sip_connections_closed', reason);
    this.#onEnd?.();
  }

  #tell(reason: EndReason, why: string, cause?: Error): void {
    const where = `${this.transport} ${formatHostPort(this.remote.address, this.remote.port)}`;
    const origin = reason === 'idle' ? 'local' : 'remote';
    this.context.logger.debug({ flow: where, inbound: this.inbound, reason }, 'SIP connection ended');
    const error = new GatewayError(`transport.${reason}`, `${where}: ${why}`, { origin, cause });
    this.context.receiver.flowFailed(this, error);
  }
}
