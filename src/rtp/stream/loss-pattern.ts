import { FIELD } from '../relay/layout.js';

/**
 * Runs of loss, and bursts and gaps (RFC 3611 §4.7.2), over packets in sequence order.
 *
 *     received ● lost ○      ●●●○●●●●…●●●○●○○●●●○●●●…        Gmin = 16 received in a row end a burst
 *                               └ lone loss: gap  └─ burst ─┘
 *
 * A burst starts and ends with a loss, holds at least two, and no Gmin packets in a row within it were received.
 * Packets come here when their fate is settled (see ReceptionWindow). What is counted goes to the leg's record.
 */
export const GMIN = 16;

export class LossPattern {
  readonly #record: Float64Array;
  #inLossRun = false;
  /** Packets and losses from the first loss that may open a burst up to the latest loss; 0 when none is open. */
  #openPackets = 0;
  #openLost = 0;
  #receivedSinceLoss = 0;

  constructor(record: Float64Array) {
    this.#record = record;
  }

  received(): void {
    this.#record[FIELD.settled]!++;
    this.#inLossRun = false;
    if (this.#openLost > 0 && ++this.#receivedSinceLoss >= GMIN) this.#closeBurst();
  }

  lost(): void {
    const record = this.#record;
    record[FIELD.settled]!++;
    record[FIELD.settledLost]!++;
    if (!this.#inLossRun) record[FIELD.lossRuns]!++;
    this.#inLossRun = true;
    this.#openPackets += this.#receivedSinceLoss + 1;
    this.#openLost++;
    this.#receivedSinceLoss = 0;
  }

  /** Ends the sequence: what follows belongs to another source. */
  end(): void {
    this.#closeBurst();
    this.#inLossRun = false;
  }

  #closeBurst(): void {
    if (this.#openLost >= 2) {
      this.#record[FIELD.bursts]!++;
      this.#record[FIELD.burstPackets]! += this.#openPackets;
      this.#record[FIELD.burstLost]! += this.#openLost;
    }
    this.#openPackets = 0;
    this.#openLost = 0;
    this.#receivedSinceLoss = 0;
  }
}
