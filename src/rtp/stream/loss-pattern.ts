import { FIELD } from '../relay/layout.js';
import { AT, state } from './source-state.js';

/**
 * Runs of loss, and bursts and gaps (RFC 3611 §4.7.2), over packets in sequence order.
 *
 *     received ● lost ○      ●●●○●●●●…●●●○●○○●●●○●●●…        Gmin = 16 received in a row end a burst
 *                               └ lone loss: gap  └─ burst ─┘
 *
 * A burst starts and ends with a loss, holds at least two, and no Gmin packets in a row within it were received.
 * Packets come here when their fate is settled (see reception-window.ts). What is counted goes to the leg's record.
 *
 * `openPackets` and `openLost` are of the first loss that may open a burst up to the latest loss; 0 when none is open.
 */
export const GMIN = 16;

export function settledReceived(at: number, records: Float64Array, base: number): void {
  records[base + FIELD.settled]!++;
  state[at + AT.inLossRun] = 0;
  if (state[at + AT.openLost]! > 0 && ++state[at + AT.receivedSinceLoss]! >= GMIN) closeBurst(at, records, base);
}

export function settledLost(at: number, records: Float64Array, base: number): void {
  records[base + FIELD.settled]!++;
  records[base + FIELD.settledLost]!++;
  if (state[at + AT.inLossRun] === 0) records[base + FIELD.lossRuns]!++;
  state[at + AT.inLossRun] = 1;
  state[at + AT.openPackets]! += state[at + AT.receivedSinceLoss]! + 1;
  state[at + AT.openLost]!++;
  state[at + AT.receivedSinceLoss] = 0;
}

/** Ends the sequence: what follows belongs to another source. */
export function endPattern(at: number, records: Float64Array, base: number): void {
  closeBurst(at, records, base);
  state[at + AT.inLossRun] = 0;
}

function closeBurst(at: number, records: Float64Array, base: number): void {
  if (state[at + AT.openLost]! >= 2) {
    records[base + FIELD.bursts]!++;
    records[base + FIELD.burstPackets]! += state[at + AT.openPackets]!;
    records[base + FIELD.burstLost]! += state[at + AT.openLost]!;
  }
  state[at + AT.openPackets] = 0;
  state[at + AT.openLost] = 0;
  state[at + AT.receivedSinceLoss] = 0;
}
