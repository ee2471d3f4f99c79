import { describe, expect, it } from 'vitest';
import type { SrtpSuite, SUITES } from '../../../src/rtp/index.js';
import { carrier, connector, FAR_NUMBER, OUR_NUMBER, startGateway } from '../../support/gateway.js';
import { eventually, pause } from '../../support/program.js';
import { openScriptPhone, type ScriptPhone } from './script-phone.js';
import { cryptoValue, describeVoice, mediaPort, newKeys, openVoice, readCrypto, type Voice } from './voice.js';

/** Digits between a phone with telephone-events and one with SIP INFO, through the gateway, on both engines. */

const ALLOW = 'INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE';
const RELAY = 'application/dtmf-relay';

interface Side {
  readonly phone: ScriptPhone;
  readonly voice: Voice;
}

const side = async (user: string): Promise<Side> => ({
  phone: await openScriptPhone({ user, allow: ALLOW }),
  voice: await openVoice(),
});

interface Made {
  readonly engine: string;
  /** Payload type of each side's telephone-events; false: none. */
  readonly customerEvents: number | false;
  readonly farEvents: number | false;
  /** The customer's media is sealed. */
  readonly suite?: SrtpSuite;
}

/** A call that is answered, with what each phone was told. */
async function call({ engine, customerEvents, farEvents, suite }: Made) {
  const [customer, far] = [await side(OUR_NUMBER), await side(FAR_NUMBER)];
  let offered = '';
  far.phone.answerWith = (offer) => {
    offered = offer;
    far.voice.target = mediaPort(offer);
    return describeVoice({ port: far.voice.port, events: farEvents });
  };
  const gateway = await startGateway({
    media: { engine },
    carriers: [carrier([far.phone.port])],
    voiceConnectors: [connector()],
  });
  const own = suite && newKeys(suite);
  const offer = describeVoice({
    port: customer.voice.port,
    events: customerEvents,
    ...(own && { crypto: [cryptoValue(1, own)] }),
  });
  const response = await customer.phone.call(gateway.sipPort, FAR_NUMBER, `127.0.0.1:${gateway.sipPort}`, offer);
  expect(response.status, gateway.tail()).toBe(200);
  customer.voice.target = mediaPort(response.body);
  if (own) customer.voice.secure({ send: own, receive: readCrypto(response.body)[0]!.keys });
  return { gateway, customer, far, offered, answered: response.body };
}

/** What a voice heard: sequence numbers, and of each event its digit, durations and ends. */
function heardBy(voice: Voice, eventType: number) {
  const packets = [...voice.heard()].sort((one, other) => one.readUInt16BE(2) - other.readUInt16BE(2));
  const events = new Map<number, { digit: number; durations: number[]; ends: number; marks: number }>();
  for (const packet of packets) {
    if ((packet[1]! & 0x7f) !== eventType) continue;
    const timestamp = packet.readUInt32BE(4);
    const event = events.get(timestamp) ?? { digit: packet[12]!, durations: [], ends: 0, marks: 0 };
    events.set(timestamp, event);
    event.durations.push(packet.readUInt16BE(14));
    if (packet[13]! & 0x80) event.ends++;
    if (packet[1]! & 0x80) event.marks++;
  }
  const sequences = packets.map((packet) => packet.readUInt16BE(2));
  const streams = new Set(packets.map((packet) => packet.readUInt32BE(8)));
  return {
    sequences,
    streams,
    events: [...events.values()],
    types: new Set(packets.map((packet) => packet[1]! & 0x7f)),
  };
}

const consecutive = (sequences: readonly number[]): boolean =>
  sequences.every((sequence, at) => at === 0 || sequence === sequences[at - 1]! + 1);

describe.each(['native', 'typescript'])('digits through the %s engine', (engine) => {
  it('INFO of a caller without events is played to a callee that has them, in its stream and in silence', async () => {
    const { customer, far, gateway, offered, answered } = await call({ engine, customerEvents: false, farEvents: 101 });
    expect(offered).toMatch(/^m=audio \d+ RTP\/AVP 0 101\r$/m);
    expect(answered).toMatch(/^m=audio \d+ RTP\/AVP 0\r$/m);
    const talking = customer.voice.say(100, 20);
    await pause(200);
    expect((await customer.phone.info(RELAY, 'Signal=5\r\nDuration=160\r\n')).status).toBe(200);
    expect((await customer.phone.info('application/dtmf', '#')).status).toBe(200);
    await talking;
    await pause(200);
    expect((await customer.phone.info(RELAY, 'Signal=9\r\nDuration=100\r\n')).status).toBe(200);
    await pause(400);
    await customer.voice.say(10, 20);
    await eventually('all packets', () => far.voice.heard().length >= 117);
    const { sequences, streams, events } = heardBy(far.voice, 101);
    expect(consecutive(sequences), sequences.join()).toBe(true);
    expect(streams.size).toBe(1);
    expect(events.map(({ digit, ends, marks }) => ({ digit, ends, marks }))).toEqual(
      [5, 11, 9].map((digit) => ({ digit, ends: 3, marks: 1 })),
    );
    expect(events.map(({ durations }) => durations.at(-1))).toEqual([1280, 1280, 800]);
    for (const { durations } of events) expect(durations).toEqual([...durations].sort((one, other) => one - other));
    const refused = await customer.phone.info(RELAY, 'Signal=Z\r\n');
    expect(refused.startLine).toBe('SIP/2.0 400 Signal is no digit');
    await customer.phone.bye();
    const metrics = await gateway.metrics();
    expect(metrics.by('voice_connector_dtmf_digits_total', 'way')).toMatchObject({ info: 3 });
    expect(metrics.by('voice_connector_dtmf_refused_total', 'code')).toEqual({ 'dtmf.malformed': 1 });
    expect(far.phone.got.filter(({ method }) => method === 'INFO')).toEqual([]);
  });

  it('events of a caller reach a callee without as INFO, in order, and leave no hole in its stream', async () => {
    const { customer, far, gateway, answered } = await call({ engine, customerEvents: 101, farEvents: false });
    expect(answered).toMatch(/^m=audio \d+ RTP\/AVP 0 101\r$/m);
    await customer.voice.say(10, 20);
    for (const [event, durationMs] of [
      [1, 100],
      [10, 60],
      [15, 240],
    ] as const) {
      await customer.voice.key(event, durationMs);
      await customer.voice.say(5, 20);
    }
    const infos = () => far.phone.got.filter(({ method, status }) => method === 'INFO' && status === 0);
    await eventually('three INFO', () => infos().length >= 3);
    expect(infos().map(({ body }) => body)).toEqual([
      'Signal=1\r\nDuration=100\r\n',
      'Signal=*\r\nDuration=60\r\n',
      'Signal=D\r\nDuration=240\r\n',
    ]);
    expect(infos().map((info) => info.header('content-type'))).toEqual([RELAY, RELAY, RELAY]);
    await eventually('the audio', () => far.voice.heard().length >= 25);
    const { sequences, types } = heardBy(far.voice, 101);
    expect(sequences).toHaveLength(25);
    expect(consecutive(sequences), sequences.join()).toBe(true);
    expect(types).toEqual(new Set([0]));
    await customer.phone.bye();
    const [record] = await gateway.recordsOnceThere(1);
    expect(record!.Trunkline.Quality!.Paths.cust2vc).toMatchObject({ packetsLost: 0 });
    const metrics = await gateway.metrics();
    expect(metrics.by('trunkline_media_dropped_total', 'reason')['telephone-event']).toBeGreaterThan(20);
    expect(metrics.by('voice_connector_dtmf_digits_total', 'way')).toMatchObject({ rtp: 3 });
  });

  it.each(['AES_CM_128_HMAC_SHA1_80', 'AEAD_AES_128_GCM'] satisfies (keyof typeof SUITES)[])(
    'INFO of a callee is played to a caller under %s',
    async (suite) => {
      const { customer, far } = await call({ engine, customerEvents: 96, farEvents: false, suite });
      const talking = far.voice.say(50, 20);
      await pause(100);
      expect((await far.phone.info(RELAY, 'Signal=7\r\nDuration=120\r\n')).status).toBe(200);
      await talking;
      await eventually('all packets', () => customer.voice.heard().length >= 50);
      const { sequences, events } = heardBy(customer.voice, 96);
      expect(customer.voice.unreadable).toBe(0);
      expect(consecutive(sequences)).toBe(true);
      expect(events).toEqual([{ digit: 7, durations: [160, 320, 480, 640, 800, 960, 960, 960], ends: 3, marks: 1 }]);
      await customer.phone.bye();
    },
  );
});
