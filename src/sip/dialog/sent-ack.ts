import { KeptBytes } from '../transaction/index.js';
import type { Flow } from '../transport/flow.js';
import type { DialogContext } from './context.js';

/** So many ACKs are kept: those of earlier 2xx that may still be repeated while re-INVITEs follow each other. */
const MOST_KEPT = 5;

/**
 * The ACKs sent in a dialog: the same 2xx again gets the same ACK (RFC 3261 §13.2.2.4), also when a re-INVITE has gone
 * through meanwhile. Outlives its dialog for as long as a 2xx may come again, so it holds nothing else.
 */
export class SentAck {
  readonly #context: DialogContext;
  #last: KeptAck | undefined;
  /** Those before the last one; made where a re-INVITE is acknowledged. */
  #earlier: KeptAck[] | undefined;

  constructor(context: DialogContext) {
    this.#context = context;
  }

  keep(sequence: number, bytes: Buffer, flow: Flow): void {
    const kept = new KeptBytes();
    kept.keep(bytes);
    kept.shelve();
    if (this.#last && this.#last.sequence !== sequence) {
      this.#earlier ??= [];
      this.#earlier.push(this.#last);
      if (this.#earlier.length === MOST_KEPT) this.#earlier.shift();
    }
    this.#last = { sequence, kept, flow };
  }

  /**
   * Sends the ACK for the INVITE with this CSeq number again.
   * @param flow the 2xx came on it: takes the ACK where the connection that took it first is lost
   */
  repeat(sequence: number, flow: Flow): void {
    const ack =
      this.#last?.sequence === sequence ? this.#last : this.#earlier?.find((each) => each.sequence === sequence);
    const bytes = ack?.kept.bytes;
    if (!ack || !bytes) return;
    if (ack.flow.closed) ack.flow = flow;
    if (!ack.flow.closed) this.#context.layer.transmit(undefined, bytes, ack.flow, true);
  }
}

interface KeptAck {
  readonly sequence: number;
  readonly kept: KeptBytes;
  flow: Flow;
}
