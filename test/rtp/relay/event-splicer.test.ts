import { describe, expect, test } from 'vitest';
import type { RemoteDescription } from '../../../src/rtp/index.js';
import { decodeRtp, decodeTelephoneEvent, RtpView } from '../../../src/rtp/packet/index.js';
import { SrtpContext } from '../../../src/rtp/srtp/index.js';
import { rtpPacket } from '../../tools/udp-peer.js';
import { CUSTOMER, peerAt, REMOTE, virtualCall, virtualEngine } from './fake-network.js';

const AUDIO = { payloadType: 0, encoding: 'PCMU', clockRateHz: 8000 };
const EVENTS = { payloadType: 97, encoding: 'TELEPHONE-EVENT', clockRateHz: 8000 };
const FROM_CUSTOMER = `${CUSTOMER} 4000`;
const TO_REMOTE = `${REMOTE} 5000`;

/** The customer has no events, the remote side takes them as payload type 97; `more` says more of the remote side. */
async function playing(more: Partial<RemoteDescription> = {}, passing = false) {
  const world = await virtualEngine();
  const call = await virtualCall(world);
  call.session.describe('customer', peerAt(CUSTOMER, 4000, { formats: [AUDIO], telephoneEvents: 'drop' }));
  const mode = passing ? {} : { telephoneEvents: 'play' as const };
  const remote = { formats: [AUDIO, EVENTS], ...mode, ...more };
  call.session.describe('remote', peerAt(REMOTE, 5000, remote));
  let sequence = 0;
  /** The customer speaks: a packet each 20 ms. */
  const speak = (packets: number, ssrc = 0xc): void => {
    for (let packet = 0; packet < packets; packet++, sequence++) {
      const audio = rtpPacket({ sequence, timestamp: 8000 + sequence * 160, ssrc });
      world.network.deliver(call.customerRtp, FROM_CUSTOMER, audio);
      world.time.advance(20);
    }
  };
  return { ...world, ...call, speak, taken: () => world.network.take(TO_REMOTE).map(({ data }) => read(data)) };
}

/** A packet in short: what it is, sequence, timestamp, and of an event its duration. */
function read(data: Buffer) {
  const view = new RtpView();
  expect(decodeRtp(data, view)).toBeUndefined();
  const { payloadType, sequence, timestamp, marker, ssrc } = view;
  const event = payloadType === 97 ? decodeTelephoneEvent(data, view.payloadOffset) : undefined;
  return { payloadType, sequence, timestamp, marker, ssrc, event };
}

const eventsOf = (packets: ReturnType<typeof read>[]) => packets.filter(({ event }) => event !== undefined);

describe('an event played into a running stream', () => {
  test('takes the place of its packets, one for one, with rising duration and three ends', async () => {
    const { session, speak, taken } = await playing();
    speak(2);
    session.playEvent('remote', 5, 100);
    speak(10);
    const packets = taken();
    expect(packets.map(({ sequence }) => sequence)).toEqual(Array.from({ length: 12 }, (_, at) => at));
    expect(packets.map(({ payloadType }) => payloadType)).toEqual([0, 0, 97, 97, 97, 97, 97, 97, 97, 0, 0, 0]);
    const events = eventsOf(packets);
    expect(events.map(({ event }) => event!.durationTs)).toEqual([160, 320, 480, 640, 800, 800, 800]);
    expect(events.map(({ event }) => event!.end)).toEqual([false, false, false, false, true, true, true]);
    expect(events.map(({ marker }) => marker)).toEqual([true, false, false, false, false, false, false]);
    expect(new Set(events.map(({ timestamp }) => timestamp))).toEqual(new Set([8000 + 320]));
    expect(new Set(events.map(({ ssrc }) => ssrc))).toEqual(new Set([0xc]));
    expect(events[0]!.event).toEqual({ event: 5, end: false, volume: 10, durationTs: 160 });
    expect(packets.at(-1)).toMatchObject({ timestamp: 8000 + 11 * 160, marker: false });
  });

  test('keeps the exact octets of RFC 4733 figure 1 behind a plain header', async () => {
    const { session, speak, network } = await playing();
    speak(1);
    session.playEvent('remote', 11, 40);
    speak(1);
    expect(network.take(TO_REMOTE).at(-1)!.data.toString('hex')).toBe('80e1000100001fe00000000c0b0a00a0');
  });

  test('goes on through lost packets and packets of another length', async () => {
    const { session, network, customerRtp, taken } = await playing();
    const speak = (sequence: number, timestamp: number) =>
      network.deliver(customerRtp, FROM_CUSTOMER, rtpPacket({ sequence, timestamp, ssrc: 1 }));
    speak(10, 0);
    session.playEvent('remote', 1, 150);
    for (const [sequence, timestamp] of [
      [11, 240],
      [13, 720],
      [14, 960],
      [15, 1200],
      [16, 1440],
      [17, 1680],
    ] as const)
      speak(sequence, timestamp);
    const packets = taken();
    expect(packets.map(({ sequence }) => sequence)).toEqual([10, 11, 13, 14, 15, 16, 17]);
    expect(eventsOf(packets).map(({ event }) => event!.durationTs)).toEqual([240, 720, 960, 1200, 1200, 1200]);
  });

  test('leaves a pause to the next, which begins at its own timestamp', async () => {
    const { session, speak, taken } = await playing();
    speak(1);
    session.playEvent('remote', 1, 40);
    session.playEvent('remote', 2, 40);
    speak(14);
    const kinds = taken().map(({ event }) => event?.event ?? '-');
    expect(kinds.join('')).toBe('-1111-2222-----');
  });

  test('lets a late packet pass under its number, and changes no figure of what came', async () => {
    const { session, network, speak, customerRtp, taken } = await playing();
    speak(3);
    session.playEvent('remote', 1, 200);
    speak(3);
    network.deliver(customerRtp, FROM_CUSTOMER, rtpPacket({ sequence: 1, timestamp: 8160, ssrc: 0xc }));
    expect(taken().at(-1)).toMatchObject({ payloadType: 0, sequence: 1 });
    const { customer, remote } = await session.read(true);
    expect(customer.received).toMatchObject({ packets: 7, lost: 0, duplicates: 1, dropped: {} });
    expect(remote.sent.packets).toBe(7);
  });

  test('has the duration in the clock of its payload type, chosen by the clock of the stream', async () => {
    const opus = { payloadType: 96, encoding: 'OPUS', clockRateHz: 48000 };
    const wide = { payloadType: 97, encoding: 'TELEPHONE-EVENT', clockRateHz: 48000 };
    const narrow = { payloadType: 90, encoding: 'TELEPHONE-EVENT', clockRateHz: 8000 };
    const { session, network, customerRtp, taken } = await playing({ formats: [opus, narrow, wide] });
    const speak = (sequence: number) =>
      network.deliver(
        customerRtp,
        FROM_CUSTOMER,
        rtpPacket({ sequence, timestamp: sequence * 960, ssrc: 1, payloadType: 96 }),
      );
    speak(1);
    session.playEvent('remote', 3, 60);
    for (let sequence = 2; sequence < 8; sequence++) speak(sequence);
    expect(eventsOf(taken()).map(({ event }) => event!.durationTs)).toEqual([960, 1920, 2880, 2880, 2880]);
  });
});

describe('an event played into silence', () => {
  test('is sent in packets of our own, 20 ms apart, in a stream that begins at random', async () => {
    const { session, time, network } = await playing();
    session.playEvent('remote', 9, 60);
    const at: number[] = [];
    const packets: ReturnType<typeof read>[] = [];
    for (let ms = 0; ms < 200; ms += 5) {
      for (const { data } of network.take(TO_REMOTE)) {
        at.push(time.nowMs());
        packets.push(read(data));
      }
      time.advance(5);
    }
    expect(packets.map(({ event }) => event!.durationTs)).toEqual([160, 320, 480, 480, 480]);
    expect(packets.map(({ event }) => event!.end)).toEqual([false, false, true, true, true]);
    expect(at.map((ms) => ms - at[0]!)).toEqual([0, 20, 40, 60, 80]);
    expect(packets.map(({ sequence }) => (sequence - packets[0]!.sequence) & 0xffff)).toEqual([0, 1, 2, 3, 4]);
    expect(new Set(packets.map(({ timestamp, ssrc }) => `${timestamp} ${ssrc}`)).size).toBe(1);
    expect(packets[0]!.ssrc).toBeGreaterThan(0);
  });

  test('continues a stream that has fallen silent, and the stream goes on after it without a hole', async () => {
    const { session, speak, time, taken } = await playing();
    speak(5);
    taken();
    time.advance(180);
    session.playEvent('remote', 9, 40);
    time.advance(200);
    const own = taken();
    expect(own.map(({ sequence }) => sequence)).toEqual([5, 6, 7, 8]);
    // The last packet was of 4 × 160 at 80 ms; the event begins 200 ms after it.
    expect(new Set(own.map(({ timestamp, ssrc }) => `${timestamp} ${ssrc}`))).toEqual(
      new Set([`${8000 + 4 * 160 + 200 * 8} ${0xc}`]),
    );
    speak(3);
    expect(taken().map(({ sequence }) => sequence)).toEqual([9, 10, 11]);
  });

  test('takes up a stream from before the side was described as one to play to', async () => {
    const { session, speak, time, taken } = await playing({}, true);
    speak(5);
    taken();
    time.advance(500);
    session.describe('remote', peerAt(REMOTE, 5000, { formats: [AUDIO, EVENTS], telephoneEvents: 'play' }));
    session.playEvent('remote', 1, 40);
    time.advance(200);
    expect(taken().map(({ sequence, ssrc }) => [sequence, ssrc])).toEqual([5, 6, 7, 8].map((at) => [at, 0xc]));
  });

  test('is finished by packets of our own when the stream falls silent in its midst', async () => {
    const { session, speak, time, taken } = await playing();
    speak(2);
    session.playEvent('remote', 4, 160);
    speak(3);
    time.advance(400);
    const packets = taken();
    expect(packets.map(({ sequence }) => sequence)).toEqual(packets.map((_, at) => at));
    const events = eventsOf(packets);
    expect(events.map(({ event }) => event!.durationTs).slice(-4)).toEqual([1120, 1280, 1280, 1280]);
    expect(new Set(events.map(({ timestamp }) => timestamp)).size).toBe(1);
  });
});

describe('who takes no events', () => {
  test('is sent none, misses no sequence number, and each is told once all the same', async () => {
    const { network, time, session, remoteRtp, events } = await playing();
    const say = (sequence: number, event?: { durationTs: number; end: boolean }): void => {
      const payload = Buffer.from([
        7,
        event?.end ? 0x8a : 10,
        event ? event.durationTs >> 8 : 0,
        (event?.durationTs ?? 0) & 255,
      ]);
      const packet = rtpPacket({
        sequence,
        timestamp: event ? 4800 : sequence * 160,
        ssrc: 9,
        payloadType: event ? 97 : 0,
        ...(event && { payload }),
      });
      network.deliver(remoteRtp, TO_REMOTE, packet);
      time.advance(20);
    };
    for (let sequence = 0; sequence < 30; sequence++) say(sequence);
    for (let at = 0; at < 5; at++) say(30 + at, { durationTs: 160 * Math.min(at + 1, 3), end: at >= 2 });
    for (let sequence = 35; sequence < 40; sequence++) say(sequence);
    const sent = network.take(FROM_CUSTOMER).map(({ data }) => read(data));
    expect(sent.map(({ sequence }) => sequence)).toEqual(Array.from({ length: 35 }, (_, at) => at));
    expect(sent.every(({ payloadType }) => payloadType === 0)).toBe(true);
    expect(events.filter(({ kind }) => kind === 'dtmf')).toEqual([
      { kind: 'dtmf', side: 'remote', event: 7, durationMs: 60 },
    ]);
    const { remote } = await session.read(true);
    expect(remote.received).toMatchObject({ packets: 40, lost: 0, intervalLost: 0, dropped: { 'telephone-event': 5 } });
  });

  test('is played none: what is ordered is given up', async () => {
    const { session, time, network, speak } = await playing();
    session.playEvent('customer', 1, 100);
    speak(3);
    time.advance(500);
    expect(network.take(FROM_CUSTOMER).filter(({ data }) => data.length < 20)).toEqual([]);
  });

  test('is held: what is ordered is given up and does not come with the resumption', async () => {
    const { session, time, speak, taken } = await playing({ direction: 'recvonly' });
    session.playEvent('remote', 1, 100);
    time.advance(100);
    session.describe('remote', peerAt(REMOTE, 5000, { formats: [AUDIO, EVENTS], telephoneEvents: 'play' }));
    speak(5);
    expect(taken().map(({ payloadType }) => payloadType)).toEqual([0, 0, 0, 0, 0]);
  });
});

test('an event is put in before the stream is sealed', async () => {
  const keys = (fill: number) => ({ suite: 'AES_CM_128_HMAC_SHA1_80' as const, key: Buffer.alloc(30, fill) });
  const { session, speak, network, time } = await playing({ srtp: { receive: keys(1), send: keys(2) } });
  const context = new SrtpContext(keys(2));
  const opened = () =>
    network.take(TO_REMOTE).map(({ data }) => {
      const length = context.open(data, data.length);
      expect(length).toBeGreaterThan(0);
      return read(data.subarray(0, length));
    });
  speak(2);
  session.playEvent('remote', 5, 40);
  speak(5);
  time.advance(100);
  session.playEvent('remote', 6, 40);
  time.advance(200);
  speak(2);
  const packets = opened();
  expect(packets.map(({ sequence }) => sequence)).toEqual(packets.map((_, at) => at));
  expect(packets.map(({ event }) => event?.event ?? '-').join('')).toBe('--5555-6666--');
});
