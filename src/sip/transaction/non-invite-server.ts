import { go, release, reportTransportError, resend, send, start, stay, type Table } from './table.js';

/** Non-INVITE server transaction: RFC 3261 §17.2.2. */

export type NonInviteServerState = 'trying' | 'proceeding' | 'completed' | 'terminated';
export type NonInviteServerEvent = 'request' | 'send1xx' | 'send200to699' | 'timerJ' | 'transportError' | 'forget';

// biome-ignore format: a table is read by its columns
export const nonInviteServerTable: Table<NonInviteServerState, NonInviteServerEvent> = {
  trying: {
    // A retransmitted request is dropped: there is nothing to answer it with yet.
    send1xx:        go('proceeding', [send]),
    send200to699:   go('completed', [send, start('J'), release]),
    transportError: go('terminated', [reportTransportError]),
    forget:         go('terminated'),
  },
  proceeding: {
    request:        stay([resend]),
    send1xx:        stay([send]),
    send200to699:   go('completed', [send, start('J'), release]),
    transportError: go('terminated', [reportTransportError]),
    forget:         go('terminated'),
  },
  completed: {
    request:        stay([resend]),
    timerJ:         go('terminated'),
    // Kept for J: a request repeated over a new connection must be answered alike, not handled twice.
    transportError: stay([]),
  },
  terminated: {},
};
