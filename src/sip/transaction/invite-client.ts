import {
  go,
  passUp,
  release,
  reportTimeout,
  reportTransportError,
  resend,
  resendAck,
  restart,
  send,
  sendAck,
  start,
  stay,
  stop,
  type Table,
} from './table.js';

/**
 * INVITE client transaction: RFC 3261 §17.1.1, with the accepted state of RFC 6026 §7.2.
 *
 * A transport error before the final response is told and ends the repeating, but not the transaction (RFC 3261
 * §17.1.1.2 would): an earlier copy of the INVITE may have arrived, and a callee whose connection broke answers over a
 * new one (§18.2.2). Such a 2xx must be acknowledged (§13.2.2.4). Timer B, or `giveUp`, ends it.
 */

export type InviteClientState = 'initial' | 'calling' | 'proceeding' | 'accepted' | 'completed' | 'terminated';
export type InviteClientEvent =
  | 'begin'
  | 'response1xx'
  | 'response2xx'
  | 'response300to699'
  | 'timerA'
  | 'timerB'
  | 'timerD'
  | 'timerM'
  | 'transportError'
  /** The user has turned to another target: no more retransmissions, but a late response still finds its transaction. */
  | 'abandon'
  /** The user has another connection to the same target. */
  | 'repeat'
  /** The user waits no longer (64×T1 after CANCEL, RFC 3261 §9.1). */
  | 'giveUp';

// biome-ignore format: a table is read by its columns
export const inviteClientTable: Table<InviteClientState, InviteClientEvent> = {
  initial: {
    begin:            go('calling', [send, start('A'), start('B')]),
  },
  calling: {
    response1xx:      go('proceeding', [stop('A'), stop('B'), passUp]),
    response2xx:      go('accepted', [stop('A'), stop('B'), start('M'), release, passUp]),
    response300to699: go('completed', [stop('A'), stop('B'), sendAck, start('D'), release, passUp]),
    timerA:           stay([resend, restart('A', 'doubled')]),
    timerB:           go('terminated', [stop('A'), reportTimeout]),
    transportError:   stay([stop('A'), reportTransportError]),
    abandon:          stay([stop('A')]),
    repeat:           stay([stop('B'), resend, start('B')]),
    giveUp:           go('terminated', [stop('A'), stop('B')]),
  },
  proceeding: {
    response1xx:      stay([passUp]),
    response2xx:      go('accepted', [start('M'), release, passUp]),
    response300to699: go('completed', [sendAck, start('D'), release, passUp]),
    transportError:   stay([reportTransportError]),
    giveUp:           go('terminated'),
  },
  accepted: {
    response2xx:      stay([passUp]),
    timerM:           go('terminated'),
  },
  completed: {
    response300to699: stay([resendAck]),
    timerD:           go('terminated'),
    transportError:   go('terminated', [stop('D'), reportTransportError]),
  },
  terminated: {},
};
