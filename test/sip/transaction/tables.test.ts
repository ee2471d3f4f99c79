import { describe, expect, it } from 'vitest';
import { GatewayError } from '../../../src/core/index.js';
import {
  type ClientTransaction,
  inviteClientTable,
  inviteServerTable,
  nonInviteClientTable,
  nonInviteServerTable,
  type ServerTransaction,
} from '../../../src/sip/transaction/index.js';
import { Bench, peerRequest } from './support.js';

/** state, event, next state, all that happens (unreliable transport) */
type Case = readonly [state: string, event: string, next: string, effects: readonly string[]];

const broken = new GatewayError('transport.closed', 'gone', { origin: 'remote' });

const INVITE_CLIENT: readonly Case[] = [
  ['initial', 'begin', 'calling', ['sent INVITE', 'start A 500', 'start B 32000']],
  ['calling', 'response1xx', 'proceeding', ['stop A', 'stop B', 'up 180']],
  ['calling', 'response2xx', 'accepted', ['stop A', 'stop B', 'start M 32000', 'up 200']],
  ['calling', 'response300to699', 'completed', ['stop A', 'stop B', 'sent ACK', 'start D 32000', 'up 486']],
  ['calling', 'timerA', 'calling', ['sent INVITE', 'start A 1000']],
  ['calling', 'timerB', 'terminated', ['stop A', 'timeout', 'ended']],
  ['calling', 'transportError', 'calling', ['stop A', 'transport.closed']],
  ['calling', 'abandon', 'calling', ['stop A']],
  ['calling', 'repeat', 'calling', ['stop B', 'sent INVITE', 'start B 32000']],
  ['calling', 'giveUp', 'terminated', ['stop A', 'stop B', 'ended']],
  ['proceeding', 'response1xx', 'proceeding', ['up 180']],
  ['proceeding', 'response2xx', 'accepted', ['start M 32000', 'up 200']],
  ['proceeding', 'response300to699', 'completed', ['sent ACK', 'start D 32000', 'up 486']],
  ['proceeding', 'transportError', 'proceeding', ['transport.closed']],
  ['proceeding', 'giveUp', 'terminated', ['ended']],
  ['accepted', 'response2xx', 'accepted', ['up 200']],
  ['accepted', 'timerM', 'terminated', ['ended']],
  ['completed', 'response300to699', 'completed', ['sent ACK']],
  ['completed', 'timerD', 'terminated', ['ended']],
  ['completed', 'transportError', 'terminated', ['stop D', 'transport.closed', 'ended']],
];

const NON_INVITE_CLIENT: readonly Case[] = [
  ['initial', 'begin', 'trying', ['sent OPTIONS', 'start E 500', 'start F 32000']],
  ['trying', 'response1xx', 'proceeding', ['up 180']],
  ['trying', 'response200to699', 'completed', ['stop E', 'stop F', 'start K 5000', 'up 200']],
  ['trying', 'timerE', 'trying', ['sent OPTIONS', 'start E 1000']],
  ['trying', 'timerF', 'terminated', ['stop E', 'timeout', 'ended']],
  ['trying', 'transportError', 'terminated', ['stop E', 'stop F', 'transport.closed', 'ended']],
  ['trying', 'giveUp', 'terminated', ['stop E', 'stop F', 'ended']],
  ['proceeding', 'response1xx', 'proceeding', ['up 180']],
  ['proceeding', 'response200to699', 'completed', ['stop E', 'stop F', 'start K 5000', 'up 200']],
  ['proceeding', 'timerE', 'proceeding', ['sent OPTIONS', 'start E 4000']],
  ['proceeding', 'timerF', 'terminated', ['stop E', 'timeout', 'ended']],
  ['proceeding', 'transportError', 'terminated', ['stop E', 'stop F', 'transport.closed', 'ended']],
  ['proceeding', 'giveUp', 'terminated', ['stop E', 'stop F', 'ended']],
  ['completed', 'timerK', 'terminated', ['ended']],
];

const INVITE_SERVER: readonly Case[] = [
  ['proceeding', 'request', 'proceeding', ['sent 180']],
  ['proceeding', 'send1xx', 'proceeding', ['sent 180']],
  ['proceeding', 'send2xx', 'accepted', ['sent 200', 'start L 32000']],
  ['proceeding', 'send300to699', 'completed', ['sent 486', 'start G 500', 'start H 32000']],
  ['proceeding', 'transportError', 'proceeding', ['transport.closed']],
  ['proceeding', 'forget', 'terminated', []],
  ['accepted', 'send2xx', 'accepted', ['sent 200']],
  ['accepted', 'ack', 'accepted', ['up ACK']],
  ['accepted', 'timerL', 'terminated', []],
  ['accepted', 'transportError', 'accepted', ['transport.closed']],
  ['completed', 'request', 'completed', ['sent 486']],
  ['completed', 'timerG', 'completed', ['sent 486', 'start G 1000']],
  ['completed', 'ack', 'confirmed', ['stop G', 'stop H', 'start I 5000']],
  ['completed', 'timerH', 'terminated', ['stop G', 'timeout']],
  ['completed', 'transportError', 'completed', ['stop G', 'transport.closed']],
  ['confirmed', 'timerI', 'terminated', []],
];

const NON_INVITE_SERVER: readonly Case[] = [
  ['trying', 'send1xx', 'proceeding', ['sent 180']],
  ['trying', 'send200to699', 'completed', ['sent 200', 'start J 32000']],
  ['trying', 'transportError', 'terminated', ['transport.closed']],
  ['trying', 'forget', 'terminated', []],
  ['proceeding', 'request', 'proceeding', ['sent 180']],
  ['proceeding', 'send1xx', 'proceeding', ['sent 180']],
  ['proceeding', 'send200to699', 'completed', ['sent 200', 'start J 32000']],
  ['proceeding', 'transportError', 'terminated', ['transport.closed']],
  ['proceeding', 'forget', 'terminated', []],
  ['completed', 'request', 'completed', ['sent 200']],
  ['completed', 'timerJ', 'terminated', []],
  ['completed', 'transportError', 'completed', []],
];

/** Ways into each state. */
const CLIENT_WAYS: Record<string, readonly number[]> = {
  calling: [],
  trying: [],
  proceeding: [180],
  accepted: [200],
  completed: [486],
};
const SERVER_WAYS: Record<string, readonly number[]> = {
  trying: [],
  proceeding: [180],
  accepted: [200],
  completed: [486],
  confirmed: [486],
};

function clientIn(bench: Bench, method: string, state: string): ClientTransaction {
  const transaction = bench.client(method);
  const ways = state === 'completed' && method !== 'INVITE' ? [200] : (CLIENT_WAYS[state] ?? []);
  for (const status of ways) transaction.receive(bench.response(transaction, status), transaction.flow);
  return transaction;
}

function clientEvent(bench: Bench, transaction: ClientTransaction, event: string): void {
  if (event.startsWith('timer')) transaction.onTimer(event[5] as 'A');
  else if (event === 'transportError') transaction.transportFailed(broken);
  else if (event === 'abandon') transaction.abandon();
  else if (event === 'repeat') transaction.repeatOn(transaction.flow);
  else if (event === 'giveUp') transaction.giveUp();
  else if (event === 'begin') transaction.begin();
  else {
    const status = { response1xx: 180, response2xx: 200, response200to699: 200, response300to699: 486 }[event]!;
    transaction.receive(bench.response(transaction, status), transaction.flow);
  }
}

function serverIn(bench: Bench, method: string, state: string): ServerTransaction {
  const transaction = bench.server(peerRequest(method));
  const ways = state === 'completed' && method !== 'INVITE' ? [200] : (SERVER_WAYS[state] ?? []);
  for (const status of ways) bench.answer(transaction, status);
  if (state === 'confirmed') transaction.receive(peerRequest('ACK'), transaction.flow);
  return transaction;
}

function serverEvent(bench: Bench, transaction: ServerTransaction, event: string): void {
  if (event.startsWith('timer')) transaction.onTimer(event[5] as 'G');
  else if (event === 'transportError') transaction.transportFailed(broken);
  else if (event === 'forget') transaction.forget();
  else if (event === 'ack') transaction.receive(peerRequest('ACK'), transaction.flow);
  else if (event === 'request') transaction.receive(peerRequest(transaction.method), transaction.flow);
  else bench.answer(transaction, { send1xx: 180, send2xx: 200, send200to699: 200, send300to699: 486 }[event]!);
}

const cells = (table: object): string[] =>
  Object.entries(table).flatMap(([state, events]) => Object.keys(events).map((event) => `${state} ${event}`));

const eventsOf = (table: object): string[] => [
  ...new Set(Object.values(table).flatMap((events) => Object.keys(events))),
];

describe.each([
  ['INVITE client', inviteClientTable, INVITE_CLIENT, 'INVITE'],
  ['non-INVITE client', nonInviteClientTable, NON_INVITE_CLIENT, 'OPTIONS'],
] as const)('the %s table', (_name, table, cases, method) => {
  it('has no row without a test', () => {
    expect(cases.map(([state, event]) => `${state} ${event}`).sort()).toEqual(cells(table).sort());
  });

  it.each(cases)('%s, %s ─► %s', (state, event, next, effects) => {
    const bench = new Bench();
    if (state === 'initial') {
      expect(bench.client(method).state).toBe(next);
      expect(bench.taken()).toEqual(effects);
      return;
    }
    const transaction = clientIn(bench, method, state);
    expect(transaction.state).toBe(state);
    bench.taken();
    clientEvent(bench, transaction, event);
    expect(transaction.state).toBe(next);
    expect(bench.taken()).toEqual(effects);
    expect(bench.layer.clientCount).toBe(next === 'terminated' ? 0 : 1);
  });

  it('does nothing where the table has no row', () => {
    for (const state of Object.keys(table).filter((each) => each in CLIENT_WAYS)) {
      for (const event of eventsOf(table).filter(
        (each) => !cells(table).includes(`${state} ${each}`) && each !== 'begin',
      )) {
        const bench = new Bench();
        const transaction = clientIn(bench, method, state);
        bench.taken();
        clientEvent(bench, transaction, event);
        expect([state, event, transaction.state, bench.taken()]).toEqual([state, event, state, []]);
      }
    }
  });
});

describe.each([
  ['INVITE server', inviteServerTable, INVITE_SERVER, 'INVITE'],
  ['non-INVITE server', nonInviteServerTable, NON_INVITE_SERVER, 'OPTIONS'],
] as const)('the %s table', (_name, table, cases, method) => {
  it('has no row without a test', () => {
    expect(cases.map(([state, event]) => `${state} ${event}`).sort()).toEqual(cells(table).sort());
  });

  it.each(cases)('%s, %s ─► %s', (state, event, next, effects) => {
    const bench = new Bench();
    const transaction = serverIn(bench, method, state);
    expect(transaction.state).toBe(state);
    bench.taken();
    serverEvent(bench, transaction, event);
    expect(transaction.state).toBe(next);
    expect(bench.taken()).toEqual(effects);
    expect(bench.layer.serverCount).toBe(next === 'terminated' ? 0 : 1);
  });

  it('does nothing where the table has no row', () => {
    for (const state of Object.keys(table).filter((each) => each !== 'terminated')) {
      for (const event of eventsOf(table).filter((each) => !cells(table).includes(`${state} ${each}`))) {
        const bench = new Bench();
        const transaction = serverIn(bench, method, state);
        bench.taken();
        serverEvent(bench, transaction, event);
        expect([state, event, transaction.state, bench.taken()]).toEqual([state, event, state, []]);
      }
    }
  });
});
