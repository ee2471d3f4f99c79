import { describe, expect, it } from 'vitest';
import { billableSeconds, type CallDetailRecord } from '../../src/call/record/call-detail-record.js';
import { recordPath } from '../../src/call/record/directory-sink.js';
import { CallRecorder } from '../../src/call/record/recorder.js';
import { answeredCall, FACTS } from './fixtures.js';

const CONTEXT = {
  awsAccountId: '111122223333',
  region: 'local-1',
  node: 'node-a',
  countryOf: () => 'US',
  nameOf: () => '',
};
const START = Date.UTC(2026, 10, 21, 9, 8, 7, 6);

function recordsOf(feed: (recorder: CallRecorder) => void): CallDetailRecord[] {
  const records: CallDetailRecord[] = [];
  feed(new CallRecorder(CONTEXT, { put: (record) => records.push(record) }));
  return records;
}

describe('call detail record', () => {
  it('has exactly the managed members and our own', () => {
    const [record] = recordsOf((recorder) => answeredCall(START).forEach((event) => recorder.onCallEvent(event)));
    expect(Object.keys(record!)).toEqual([
      'AwsAccountId',
      'TransactionId',
      'CallId',
      'VoiceConnectorId',
      'Status',
      'StatusMessage',
      'SipAuthUser',
      'BillableDurationSeconds',
      'BillableDurationMinutes',
      'SchemaVersion',
      'SourcePhoneNumber',
      'SourcePhoneNumberName',
      'SourceCountry',
      'DestinationPhoneNumber',
      'DestinationPhoneNumberName',
      'DestinationCountry',
      'UsageType',
      'ServiceCode',
      'Direction',
      'StartTimeEpochSeconds',
      'EndTimeEpochSeconds',
      'Region',
      'Streaming',
      'Trunkline',
    ]);
    expect(record).toMatchObject({
      Status: 'Completed',
      SchemaVersion: '2.0',
      ServiceCode: 'AmazonChimeVoiceConnector',
      Direction: 'Outbound',
      BillableDurationSeconds: 12,
      BillableDurationMinutes: 0.2,
      SipAuthUser: 'alice',
      StartTimeEpochSeconds: Math.floor(START / 1000),
    });
    expect(record!.Trunkline).toMatchObject({
      PostDialDelayMs: 300,
      RingTimeMs: 1700,
      TalkTimeMs: 10_500,
      HangupSide: 'customer',
      Code: 'call.hangup',
      Codec: 'PCMU',
      Recovered: false,
      Attempts: [{ Number: 1, AnsweredMs: 1998, SipStatus: 200 }],
    });
    expect(record!.Trunkline.Quality!.Paths.cust2vc.rtpPackets).toBe(500);
  });

  it('is written once, whatever comes after the end', () => {
    const events = answeredCall(START);
    const records = recordsOf((recorder) =>
      [...events, ...events.slice(1)].forEach((event) => recorder.onCallEvent(event)),
    );
    expect(records).toHaveLength(1);
  });

  it('of a call that was never answered is Failed and bills nothing', () => {
    const events = answeredCall(START).filter((event) => event.kind !== 'answered' && event.kind !== 'figures');
    const [record] = recordsOf((recorder) => events.forEach((event) => recorder.onCallEvent(event)));
    expect(record).toMatchObject({
      Status: 'Failed',
      BillableDurationSeconds: 0,
      StatusMessage: 'The customer hung up',
    });
    expect(record!.Trunkline.Quality).toBeNull();
  });

  it('of a call cut by a crash ends at its last sign of life', () => {
    const [record] = recordsOf((recorder) => {
      answeredCall(START)
        .slice(0, -1)
        .forEach((event) => recorder.onCallEvent(event));
      expect(recorder.recoverOpenCalls()).toBe(1);
    });
    expect(record!.Trunkline).toMatchObject({ Recovered: true, EndTimeEpochMs: START + 12_500, Code: 'gateway.crash' });
    expect(record!.Status).toBe('Completed');
  });

  it.each([
    [0, 0],
    [-5, 0],
    [1, 6],
    [6000, 6],
    [6001, 12],
  ])('bills %i ms as %i s', (talkMs, seconds) => {
    expect(billableSeconds(talkMs)).toBe(seconds);
  });

  it('goes to the managed path, with the time of its end', () => {
    const [record] = recordsOf((recorder) => answeredCall(START).forEach((event) => recorder.onCallEvent(event)));
    expect(recordPath(record!)).toBe(
      `Amazon-Chime-Voice-Connector-CDRs/json/${FACTS.voiceConnectorId}/2026/11/21/09.08.19.506_${FACTS.transactionId}`,
    );
  });
});
