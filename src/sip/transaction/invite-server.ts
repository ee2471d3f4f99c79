import {
  go,
  passUp,
  release,
  reportTimeout,
  reportTransportError,
  resend,
  restart,
  send,
  start,
  stay,
  stop,
  type Table,
} from './table.js';

/**
 * INVITE server transaction: RFC 3261 §17.2.1, with the accepted state of RFC 6026 §7.1. A transport error never ends
 * it (RFC 6026 §7.1): retransmitted INVITEs must still find it; timers H and L end it.
 */

export type InviteServerState = 'proceeding' | 'accepted' | 'completed' | 'confirmed' | 'terminated';
export type InviteServerEvent =
  | 'request'
  | 'ack'
  | 'send1xx'
  | 'send2xx'
  | 'send300to699'
  | 'timerG'
  | 'timerH'
  | 'timerI'
  | 'timerL'
  | 'transportError'
  /** The user stays silent. */
  | 'forget';

// biome-ignore format: a table is read by its columns
export const inviteServerTable: Table<InviteServerState, InviteServerEvent> = {
  proceeding: {
    request:        stay([resend]),
    send1xx:        stay([send]),
    send2xx:        go('accepted', [send, start('L'), release]),
    send300to699:   go('completed', [send, start('G'), start('H'), release]),
    transportError: stay([reportTransportError]),
    forget:         go('terminated'),
  },
  accepted: {
    // A retransmitted INVITE is absorbed: the user repeats its 2xx by itself (RFC 3261 §13.3.1.4).
    send2xx:        stay([send]),
    ack:            stay([passUp]),
    timerL:         go('terminated'),
    transportError: stay([reportTransportError]),
  },
  completed: {
    request:        stay([resend]),
    timerG:         stay([resend, restart('G', 'doubledToT2')]),
    ack:            go('confirmed', [stop('G'), stop('H'), start('I')]),
    timerH:         go('terminated', [stop('G'), reportTimeout]),
    transportError: stay([stop('G'), reportTransportError]),
  },
  confirmed: {
    timerI:         go('terminated'),
  },
  terminated: {},
};
