import type { CallEvent, CallFacts, PathTotals } from '../../src/call/events.js';
import type { IntervalQuality, PathQuality } from '../../src/call/quality.js';

export const FACTS: CallFacts = {
  transactionId: '11111111-2222-4333-8444-555555555555',
  callId: 'abc@pbx',
  direction: 'Outbound',
  voiceConnectorId: 'abcdefghijklmnopqrstuv',
  from: '+12065550100',
  to: '+12025550122',
  sipAuthUser: 'alice',
};

const ATTEMPT = { number: 1, target: 'carrier:main/192.0.2.1:5060/UDP', callId: 'leg-1' };

const path = (rtpPackets: number): PathQuality => ({
  rtpPackets,
  rtpBytes: rtpPackets * 172,
  rtcpPackets: 2,
  rtcpBytes: 104,
  packetsLost: 3,
  packetsLostInterval: 3,
  jitterUs: 1234.4,
});

const totals = (rtpPackets: number): PathTotals => ({
  rtpPackets,
  rtpBytes: rtpPackets * 172,
  rtcpPackets: 2,
  rtcpBytes: 104,
  packetsLost: 3,
});

export const QUALITY: IntervalQuality = {
  paths: { cust2vc: path(500), vc2cust: path(498), rem2vc: path(499), vc2rem: path(500) },
  rttUs: { customer: 20_000, remote: null },
  mos: { customer: { mos: 4.31, inputs: { encoding: 'PCMU' } }, remote: null },
};

export const TOTALS = { cust2vc: totals(500), vc2cust: totals(498), rem2vc: totals(499), vc2rem: totals(500) };

/** The events of an answered call of 10.5 s talk time, begun at `startMs`. */
export function answeredCall(startMs: number, facts: CallFacts = FACTS): CallEvent[] {
  const { transactionId } = facts;
  const at = (ms: number) => ({ transactionId, timeMs: startMs + ms });
  return [
    { ...at(0), kind: 'received', facts, source: '192.0.2.20:5060', transport: 'udp' },
    { ...at(1), kind: 'decided', facts, admitted: true, code: 'call.admitted', trace: [] },
    { ...at(2), kind: 'attempt-started', attempt: ATTEMPT },
    { ...at(300), kind: 'ringing', attempt: ATTEMPT, sipStatus: 180, earlyMedia: false },
    {
      ...at(2000),
      kind: 'answered',
      attempt: ATTEMPT,
      codec: 'PCMU',
      encryption: { customer: 'none', remote: 'none' },
    },
    { ...at(12_500), kind: 'figures', quality: QUALITY, totals: TOTALS, final: true },
    {
      ...at(12_500),
      kind: 'ended',
      end: { side: 'customer', code: 'call.hangup', reason: 'The customer hung up', sipStatus: 200, q850: 16 },
    },
  ];
}
