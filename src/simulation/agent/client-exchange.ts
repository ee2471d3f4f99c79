import type { Flow } from '../../sip/index.js';
import { type SipRequest, type SipResponse, serialize } from '../../sip/index.js';
import type { AgentLeg } from './agent-leg.js';
import { makeFollower } from './compose.js';
import { Repeater, T2_MS } from './repeater.js';

export type Heard = SipResponse | 'timeout' | 'failed';

/**
 * A request of a peer and what it hears of it: provisional responses, one final one, or nothing. An INVITE's refusal is
 * acknowledged here, a repeated final response too; each 2xx goes up, repeated or not.
 */
export class ClientExchange {
  readonly leg: AgentLeg;
  readonly request: SipRequest;
  readonly flow: Flow;
  /** True between sending and the final response. */
  waiting = true;
  provisional = false;
  finalStatus: number | undefined;
  readonly #bytes: Buffer;
  readonly #heard: (heard: Heard) => void;
  readonly #repeater: Repeater;
  #ack: Buffer | undefined;

  constructor(leg: AgentLeg, request: SipRequest, flow: Flow, heard: (heard: Heard) => void) {
    this.leg = leg;
    this.request = request;
    this.flow = flow;
    this.#heard = heard;
    this.#bytes = serialize(request);
    const send = (): void => leg.transmit(this.#bytes, flow);
    const invite = request.method === 'INVITE';
    this.#repeater = new Repeater({
      after: (delayMs, run) => leg.after(delayMs, run),
      send,
      capMs: flow.reliable ? undefined : invite ? Number.POSITIVE_INFINITY : T2_MS,
      onExpired: () => this.#end('timeout'),
    });
    send();
  }

  get #invite(): boolean {
    return this.request.method === 'INVITE';
  }

  receive(response: SipResponse): void {
    const { status } = response;
    if (status < 200) this.#provisional(response);
    else if (this.finalStatus !== undefined) this.#repeated(response);
    else {
      this.finalStatus = status;
      if (this.#invite && status >= 300) this.#acknowledge(response);
      this.#end(response);
    }
  }

  /** The connection it went over is gone. */
  fail(): void {
    this.#end('failed');
  }

  #provisional(response: SipResponse): void {
    if (!this.waiting) return;
    this.provisional = true;
    if (this.#invite) this.#repeater.stop();
    else this.#repeater.slowDown();
    this.#heard(response);
  }

  #repeated(response: SipResponse): void {
    const { status } = response;
    const success = (code: number | undefined): boolean => code !== undefined && code < 300;
    if (!this.#invite) return;
    if (status < 300 && success(this.finalStatus)) this.#heard(response);
    else if (status !== this.finalStatus) {
      this.leg.offences.push(`INVITE was answered ${this.finalStatus}, then ${status}`);
    } else if (this.#ack) this.leg.transmit(this.#ack, this.flow);
  }

  #acknowledge(response: SipResponse): void {
    const duty = this.leg.refusalAck;
    if (duty === 'never') return;
    this.#ack = serialize(makeFollower(this.request, 'ACK', response.headers.get('To')!));
    this.leg.after(duty === 'late' ? 1500 : 0, () => this.leg.transmit(this.#ack!, this.flow));
  }

  #end(heard: Heard): void {
    if (!this.waiting) return;
    this.waiting = false;
    this.#repeater.stop();
    this.#heard(heard);
  }
}
