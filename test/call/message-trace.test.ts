import { describe, expect, it } from 'vitest';
import type { CallFacts } from '../../src/call/events.js';
import type { SipMessageLog } from '../../src/call/log/sip-log.js';
import { MessageTrace } from '../../src/call/message-trace.js';
import { VirtualTime } from '../../src/core/index.js';
import { type Flow, SipRequest, SipResponse } from '../../src/sip/index.js';

const CALL_ID = 'again@pbx';
const facts = (transactionId: string) => ({ transactionId, voiceConnectorId: 'c', callId: CALL_ID }) as CallFacts;

function scene() {
  const time = new VirtualTime();
  const logged: string[] = [];
  const owners = new Map<string, string>();
  const log = {
    register: (callId: string, _connector: string, transactionId: string) => void owners.set(callId, transactionId),
    release: (callId: string) => void owners.delete(callId),
    message: (callId: string) => void logged.push(owners.get(callId) ?? 'nobody'),
  } as unknown as SipMessageLog;
  const statuses: number[] = [];
  const onResponse = (_id: string, status: number) => void statuses.push(status);
  const trace = new MessageTrace({ onResponse, logs: () => true, log }, time);
  const hear = (message: SipRequest | SipResponse): void => {
    message.headers.append('Call-ID', CALL_ID);
    trace.message('in', message, Buffer.from('x'), {} as Flow);
  };
  return { time, trace, logged, statuses, hear };
}

describe('which call a SIP message belongs to', () => {
  it('is told by its Call-ID, for the first message once the call is known, for the last ones a little after its end', () => {
    const { time, trace, logged, statuses, hear } = scene();
    hear(SipRequest.create('INVITE', 'sip:b@x'));
    expect(logged).toEqual([]);
    trace.register(CALL_ID, facts('one'));
    trace.release('one', [CALL_ID]);
    time.advance(4900);
    hear(SipResponse.create(200));
    time.advance(1000);
    hear(SipResponse.create(200));
    expect(logged).toEqual(['one', 'one']);
    expect(statuses).toEqual([200]);
  });

  it('is the new call where a caller tries again under the Call-ID of one that was refused', () => {
    const { time, trace, logged, hear } = scene();
    trace.register(CALL_ID, facts('refused'));
    trace.release('refused', [CALL_ID]);
    time.advance(1000);
    trace.register(CALL_ID, facts('second'));
    time.advance(10_000);
    hear(SipResponse.create(180));
    trace.release('second', [CALL_ID]);
    time.advance(10_000);
    hear(SipResponse.create(486));
    expect(logged).toEqual(['second']);
  });
});
