import type { Counters, GatewayError, Logger } from '../../core/index.js';
import { formatHostPort, type SipParseError } from '../message/index.js';
import type { Flow, WireReceiver } from './flow.js';

/**
 * Stands between the sockets and the core: a message that breaks the core costs itself and a loud log line, never the
 * process and the other calls in it.
 */
export class GuardedReceiver implements WireReceiver {
  readonly #inner: WireReceiver;
  readonly #logger: Logger;
  readonly #counters: Counters;

  constructor(inner: WireReceiver, logger: Logger, counters: Counters) {
    this.#inner = inner;
    this.#logger = logger;
    this.#counters = counters;
  }

  receive(bytes: Buffer, flow: Flow): void {
    try {
      this.#inner.receive(bytes, flow);
    } catch (err) {
      this.#broken(flow, err);
    }
  }

  flowFailed(flow: Flow, error: GatewayError): void {
    try {
      this.#inner.flowFailed(flow, error);
    } catch (err) {
      this.#broken(flow, err);
    }
  }

  malformed(flow: Flow, error: SipParseError): void {
    try {
      this.#inner.malformed?.(flow, error);
    } catch (err) {
      this.#broken(flow, err);
    }
  }

  /** A core that cannot tell keeps its connection. */
  inUse(flow: Flow): boolean {
    try {
      return this.#inner.inUse?.(flow) ?? false;
    } catch (err) {
      this.#broken(flow, err);
      return true;
    }
  }

  #broken(flow: Flow, err: unknown): void {
    this.#counters.add('sip_receiver_faults');
    const peer = `${flow.transport} ${formatHostPort(flow.remote.address, flow.remote.port)}`;
    this.#logger.error({ err, peer }, 'SIP core failed on what a peer sent');
  }
}
