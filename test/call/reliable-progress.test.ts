import { describe, expect, it } from 'vitest';
import { ReliableProgress } from '../../src/call/reliable-progress.js';
import { SipRequest } from '../../src/sip/index.js';

describe('what waits for the PRACKs of a caller', () => {
  it('is bounded: a callee may ring on while the caller acknowledges nothing', () => {
    const progress = new ReliableProgress(SipRequest.create('INVITE', 'sip:b@x'));
    for (let sent = 0; sent < 16; sent++) {
      expect(progress.full).toBe(false);
      progress.sent(true, false);
    }
    expect(progress.full).toBe(true);
    progress.acknowledged();
    expect(progress.full).toBe(false);
  });

  it('is nothing where responses go unreliably', () => {
    const progress = new ReliableProgress(SipRequest.create('INVITE', 'sip:b@x'));
    for (let sent = 0; sent < 100; sent++) progress.sent(false, false);
    expect(progress.full).toBe(false);
  });
});
