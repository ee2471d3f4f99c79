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

/** Non-INVITE client transaction: RFC 3261 §17.1.2. */

export type NonInviteClientState = 'initial' | 'trying' | 'proceeding' | 'completed' | 'terminated';
export type NonInviteClientEvent =
  | 'begin'
  | 'response1xx'
  | 'response200to699'
  | 'timerE'
  | 'timerF'
  | 'timerK'
  | 'transportError'
  /** The user waits no longer. */
  | 'giveUp';

// biome-ignore format: a table is read by its columns
export const nonInviteClientTable: Table<NonInviteClientState, NonInviteClientEvent> = {
  initial: {
    begin:            go('trying', [send, start('E'), start('F')]),
  },
  trying: {
    response1xx:      go('proceeding', [passUp]),
    response200to699: go('completed', [stop('E'), stop('F'), start('K'), release, passUp]),
    timerE:           stay([resend, restart('E', 'doubledToT2')]),
    timerF:           go('terminated', [stop('E'), reportTimeout]),
    transportError:   go('terminated', [stop('E'), stop('F'), reportTransportError]),
    giveUp:           go('terminated', [stop('E'), stop('F')]),
  },
  proceeding: {
    response1xx:      stay([passUp]),
    response200to699: go('completed', [stop('E'), stop('F'), start('K'), release, passUp]),
    timerE:           stay([resend, restart('E', 'T2')]),
    timerF:           go('terminated', [stop('E'), reportTimeout]),
    transportError:   go('terminated', [stop('E'), stop('F'), reportTransportError]),
    giveUp:           go('terminated', [stop('E'), stop('F')]),
  },
  completed: {
    timerK:           go('terminated'),
  },
  terminated: {},
};
