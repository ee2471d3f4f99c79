import { describe, expect, it } from 'vitest';
import { type DialogFacts, DialogState, wayOf } from '../../../src/sip/dialog/index.js';
import { SipRequest, SipResponse, SipSyntaxError } from '../../../src/sip/message/index.js';

const facts: DialogFacts = {
  callId: 'c',
  localTag: 'l',
  remoteTag: 'r',
  local: '<sip:a@x>;tag=l',
  remote: '<sip:b@y>;tag=r',
  localSequence: 5,
  remoteSequence: undefined,
  remoteTarget: 'sip:b@y',
  routeSet: [],
};

const withContact = <Message extends SipRequest | SipResponse>(message: Message, contact: string): Message => {
  message.headers.append('Contact', contact);
  return message;
};

describe('the way of a request', () => {
  it.each([
    ['no route', 'sip:b@y;x=1', [], 'sip:b@y;x=1', [], 'y'],
    ['a loose router', 'sip:b@y', ['<sip:p;lr>', '<sip:q;lr>'], 'sip:b@y', ['<sip:p;lr>', '<sip:q;lr>'], 'p'],
    ['lr with a value', 'sip:b@y', ['<sip:p;lr=on>'], 'sip:b@y', ['<sip:p;lr=on>'], 'p'],
    ['a strict router', 'sip:b@y', ['<sip:p>', '<sip:q;lr>'], 'sip:p', ['<sip:q;lr>', '<sip:b@y>'], 'p'],
    ['a strict router alone', 'sip:b@y?h=1', ['<sip:p;method=BYE?a=b>'], 'sip:p', ['<sip:b@y?h=1>'], 'p'],
    ['what a Request-URI may not hold', 'sip:b@y;method=INVITE;z=1?Subject=x', [], 'sip:b@y;z=1', [], 'y'],
  ] as const)('with %s', (_name, target, routes, requestUri, sent, host) => {
    const way = wayOf(target, routes);
    expect([way.requestUri, way.routes, way.nextHop.host]).toEqual([requestUri, sent, host]);
  });
});

describe('the state of a dialog', () => {
  it('takes rising CSeq numbers only', () => {
    const state = new DialogState(facts);
    expect([3, 3, 2, 4, 2 ** 31 - 1, 5].map((sequence) => state.takeRemoteSequence(sequence))).toEqual([
      true,
      false,
      false,
      true,
      true,
      false,
    ]);
    expect([state.nextSequence(), state.nextSequence()]).toEqual([6, 7]);
  });

  it('moves its target, and keeps it when the new one cannot be read', () => {
    const state = new DialogState({ ...facts, routeSet: ['<sip:p;lr>'] });
    state.refreshTarget(withContact(SipRequest.create('UPDATE', 'sip:x'), '<sip:moved@z>'));
    expect([state.remoteTarget, state.way.requestUri, state.way.routes]).toEqual([
      'sip:moved@z',
      'sip:moved@z',
      ['<sip:p;lr>'],
    ]);
    expect(() => state.refreshTarget(withContact(SipRequest.create('UPDATE', 'sip:x'), '<sip:>'))).toThrow(
      SipSyntaxError,
    );
    state.refreshTarget(withContact(SipResponse.create(200), '<sip:>'));
    state.refreshTarget(withContact(SipResponse.create(200), '*'));
    expect(state.remoteTarget).toBe('sip:moved@z');
    state.replaceRouteSet(['<sip:q;lr>']);
    expect(state.way.routes).toEqual(['<sip:q;lr>']);
  });
});
