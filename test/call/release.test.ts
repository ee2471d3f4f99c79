import { describe, expect, it } from 'vitest';
import { planExhausted } from '../../src/call/failover.js';
import { bestResponse, q850ForStatus, q850Of, q850OfReason, reasonRow } from '../../src/call/release.js';
import { SipResponse } from '../../src/sip/index.js';

const rejected = (status: number, reason = 'x') => ({ status, reason, code: 'attempt.rejected' });

describe('best response (RFC 3261 §16.7)', () => {
  it('prefers a 6xx over everything', () => {
    expect(bestResponse([rejected(404), rejected(603, 'Decline'), rejected(503)])).toEqual({
      status: 603,
      reason: 'Decline',
    });
  });

  it('prefers the lowest class, and 503 last', () => {
    expect(bestResponse([rejected(503), rejected(486, 'Busy Here')]).status).toBe(486);
    expect(bestResponse([rejected(503), rejected(500)]).status).toBe(500);
  });

  it('prefers what tells the caller what to change', () => {
    expect(bestResponse([rejected(404), rejected(484)]).status).toBe(484);
  });

  it.each([401, 407, 302])('never hands an upstream %i to the caller', (status) => {
    expect(bestResponse([rejected(status)]).status).toBe(503);
  });

  it('answers 408 for silence and 503 for unreachable targets', () => {
    expect(bestResponse([{ status: undefined, reason: '', code: 'attempt.no-response' }]).status).toBe(408);
    expect(bestResponse([{ status: undefined, reason: '', code: 'attempt.transport' }]).status).toBe(503);
    expect(bestResponse([]).status).toBe(503);
  });
});

describe('the end of a call that every target refused', () => {
  it('gives the cause and the end-to-end fields of the response that the caller gets', () => {
    const response = SipResponse.create(486, 'Busy Here');
    for (const [name, value] of [
      ['Reason', 'SIP;cause=486'],
      ['Reason', 'Q.850;cause=34;text="No circuit"'],
      ['X-Why', 'busy'],
      ['Server', 'carrier/1'],
    ] as const)
      response.headers.append(name, value);
    const end = planExhausted([rejected(503), { ...rejected(486), response }], 'remote');
    expect(end).toMatchObject({ sipStatus: 486, q850: 34 });
    expect(end.told).toEqual([
      ['Reason', 'SIP;cause=486'],
      ['Reason', 'Q.850;cause=34;text="No circuit"'],
      ['X-Why', 'busy'],
    ]);
  });

  it('tells nothing of a response that the caller does not get', () => {
    const response = SipResponse.create(401);
    response.headers.append('Reason', 'Q.850;cause=34');
    const end = planExhausted([{ ...rejected(401), response }], 'remote');
    expect(end).toMatchObject({ sipStatus: 503, q850: 41 });
    expect(end.told).toBeUndefined();
  });
});

describe('Q.850 causes', () => {
  it.each([
    [200, 16],
    [404, 1],
    [486, 17],
    [480, 18],
    [503, 41],
    [603, 21],
    [499, 127],
  ])('maps SIP %i to cause %i (RFC 3398 §8.2.6.1)', (status, cause) => {
    expect(q850ForStatus(status)).toBe(cause);
  });

  it.each([
    [['Q.850;cause=17'], 17],
    [['Q.850 ;cause=16 ;text="Normal, clearing"'], 16],
    [['SIP;cause=200;text="ok", q.850;text="x"; Cause = 31'], 31],
    [['SIP;cause=486', 'Q.850;cause=34;text=No circuit'], 34],
    [['SIP;cause=200'], undefined],
    [['Q.850;cause=999', 'Q.850;cause=0'], undefined],
    [['Q.850', ''], undefined],
    [[], undefined],
  ])('reads the Reason rows %s', (rows, cause) => {
    const response = SipResponse.create(486);
    for (const row of rows) response.headers.append('Reason', row);
    expect(q850Of(response)).toBe(cause);
  });

  it('writes a Reason it can read', () => {
    expect(q850OfReason(reasonRow(26, 'Answered elsewhere')[1])).toBe(26);
  });
});
