import type { Flow } from '../../sip/index.js';
import { type SipRequest, serialize } from '../../sip/index.js';
import type { AgentLeg } from './agent-leg.js';
import { makeResponse, type ResponseFacts } from './compose.js';
import { Repeater, T2_MS } from './repeater.js';

/** A request from the gateway and the answers to it: repeated as the protocol asks, until acknowledged. */
export class ServerExchange {
  readonly leg: AgentLeg;
  readonly request: SipRequest;
  finalStatus: number | undefined;
  /** The To tag of each 2xx to an INVITE that still waits for its ACK. */
  readonly #unacknowledged = new Map<string, Repeater>();
  readonly #flow: Flow;
  #last: Buffer | undefined;
  #refusal: Repeater | undefined;
  #reliable: { readonly rseq: number; readonly repeater: Repeater } | undefined;

  constructor(leg: AgentLeg, request: SipRequest, flow: Flow) {
    this.leg = leg;
    this.request = request;
    this.#flow = flow;
  }

  /** Sends a response; provisional ones after the final one, and second finals other than 2xx, are not sent. */
  respond(status: number, facts: ResponseFacts): void {
    const first = this.finalStatus;
    const furtherAnswer = first !== undefined && first < 300 && status >= 200 && status < 300;
    if (first !== undefined && !furtherAnswer) return;
    const bytes = this.#send(status, facts);
    if (status < 200) return;
    this.finalStatus = status;
    this.#reliable?.repeater.stop();
    if (this.request.method !== 'INVITE') return;
    if (status < 300) this.#awaitAck(facts.tag, bytes);
    else if (!this.#flow.reliable) this.#refusal = this.#repeat(bytes, T2_MS, () => {});
  }

  /** Sends a provisional response that wants a PRACK (RFC 3262 §3). */
  respondReliably(status: number, rseq: number, facts: ResponseFacts, onExpired: () => void): void {
    if (this.finalStatus !== undefined) return;
    const bytes = this.#send(status, facts);
    this.#reliable = { rseq, repeater: this.#repeat(bytes, Number.POSITIVE_INFINITY, onExpired) };
  }

  /** RSeq of the reliable provisional response that waits for its PRACK. */
  get awaitedRseq(): number | undefined {
    return this.#reliable?.rseq;
  }

  /** The PRACK came. */
  pracked(): void {
    this.#reliable?.repeater.stop();
    this.#reliable = undefined;
  }

  /** The request came again. */
  repeated(): void {
    if (this.#last) this.leg.transmit(this.#last, this.#flow);
  }

  /** An ACK came; true when a 2xx with this tag had waited for it. */
  acknowledged(tag: string): boolean {
    this.#refusal?.stop();
    const repeater = this.#unacknowledged.get(tag);
    repeater?.stop();
    return this.#unacknowledged.delete(tag);
  }

  /** Nothing is repeated any more for this tag (the dialog is over). */
  quiet(tag: string): void {
    this.#unacknowledged.get(tag)?.stop();
    this.#unacknowledged.delete(tag);
  }

  #awaitAck(tag: string, bytes: Buffer): void {
    if (this.#unacknowledged.has(tag)) return;
    const repeater = this.#repeat(bytes, T2_MS, () => {
      this.#unacknowledged.delete(tag);
      this.leg.onNoAck(tag, this);
    });
    this.#unacknowledged.set(tag, repeater);
  }

  #repeat(bytes: Buffer, capMs: number, onExpired: () => void): Repeater {
    return new Repeater({
      after: (delayMs, run) => this.leg.after(delayMs, run),
      send: () => this.leg.transmit(bytes, this.#flow),
      capMs,
      onExpired,
    });
  }

  #send(status: number, facts: ResponseFacts): Buffer {
    const bytes = serialize(makeResponse(this.request, status, facts));
    this.#last = bytes;
    this.leg.transmit(bytes, this.#flow);
    return bytes;
  }
}
