import { KeptBytes } from '../transaction/index.js';
import type { Flow } from '../transport/flow.js';
import type { DialogContext } from './context.js';

/**
 * The ACK last sent in a dialog: the same 2xx again gets the same ACK (RFC 3261 §13.2.2.4). Outlives its dialog for as
 * long as the 2xx may come again, so it holds nothing else.
 */
export class SentAck {
  readonly #context: DialogContext;
  #sequence = 0;
  readonly #kept = new KeptBytes();
  #flow: Flow | undefined;

  constructor(context: DialogContext) {
    this.#context = context;
  }

  keep(sequence: number, bytes: Buffer, flow: Flow): void {
    this.#sequence = sequence;
    this.#kept.keep(bytes);
    this.#kept.shelve();
    this.#flow = flow;
  }

  /** Sends it again, if it was for the INVITE with this CSeq number. */
  repeat(sequence: number): void {
    const flow = this.#flow;
    const { bytes } = this.#kept;
    if (!flow || !bytes || flow.closed || this.#sequence !== sequence) return;
    this.#context.layer.transmit(undefined, bytes, flow, true);
  }
}
