import type { Action, Row, Table } from './table.js';

/**
 * Draws a table as text, for the README and for whoever debugs: one block for each state, one line for each event.
 *
 *     calling
 *       response1xx  ─► proceeding  stop A, stop B, pass up
 */
export function drawTable<State extends string, Event extends string>(table: Table<State, Event>): string {
  const states = Object.entries(table) as [State, Partial<Record<Event, Row<State>>>][];
  return states.map(([state, events]) => drawState(state, Object.entries(events) as [Event, Row<State>][])).join('\n');
}

function drawState<State extends string>(state: State, rows: readonly [string, Row<State>][]): string {
  const width = Math.max(0, ...rows.map(([event]) => event.length));
  const lines = rows.map(([event, row]) => {
    const to = row.next === undefined ? '  stays' : `─► ${row.next}`;
    return `  ${event.padEnd(width)}  ${to.padEnd(14)}  ${row.actions.map(drawAction).join(', ')}`.trimEnd();
  });
  return [state, ...lines].join('\n');
}

const WORDS: Readonly<Record<string, string>> = {
  send: 'send',
  resend: 'resend',
  sendAck: 'send ACK',
  resendAck: 'resend ACK',
  passUp: 'pass up',
  release: 'release',
  reportTimeout: 'report timeout',
  reportTransportError: 'report transport error',
};

function drawAction(action: Action): string {
  switch (action.kind) {
    case 'start':
    case 'stop':
      return `${action.kind} ${action.timer}`;
    case 'restart':
      return `restart ${action.timer} (${action.growth})`;
    default:
      return WORDS[action.kind]!;
  }
}
