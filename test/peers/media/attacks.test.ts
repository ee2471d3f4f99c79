import { randomBytes } from 'node:crypto';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  carrier,
  connector,
  FAR_NUMBER,
  type GatewayUnderTest,
  OUR_NUMBER,
  startGateway,
} from '../../support/gateway.js';
import { eventually, hasCommand, pause } from '../../support/program.js';
import { startRtpengine } from '../../support/rtpengine.js';
import { udpPeer } from '../../tools/udp-peer.js';
import { startFlood } from './flood.js';
import { openScriptPhone, type ScriptPhone } from './script-phone.js';
import { cryptoValue, describeVoice, mediaPort, newKeys, openVoice, readCrypto, type Voice } from './voice.js';

/** Strangers at the media ports of a live call: they are not heard, not spoken to, and the call does not suffer. */

const STRANGER = '127.0.0.77';

interface LiveCall {
  readonly gateway: GatewayUnderTest;
  readonly phone: ScriptPhone;
  readonly customer: Voice;
  readonly far: Voice;
}

/** A call that is answered; nobody has said anything yet. */
async function liveCall(engine: string, secure = false): Promise<LiveCall> {
  const media = engine === 'rtpengine' ? { rtpengine: [await daemon()] } : {};
  const farPhone = await openScriptPhone({ user: FAR_NUMBER });
  const [customer, far] = [await openVoice(), await openVoice(5000)];
  farPhone.answerWith = (offer) => {
    far.target = mediaPort(offer);
    return describeVoice({ port: far.port });
  };
  const gateway = await startGateway({
    media: { engine, ...media },
    carriers: [carrier([farPhone.port])],
    voiceConnectors: [connector()],
  });
  const phone = await openScriptPhone({ user: OUR_NUMBER });
  const own = newKeys('AES_CM_128_HMAC_SHA1_80');
  const offer = describeVoice({ port: customer.port, crypto: secure ? [cryptoValue(1, own)] : [] });
  const response = await phone.call(gateway.sipPort, FAR_NUMBER, `127.0.0.1:${gateway.sipPort}`, offer);
  expect(response.status, gateway.tail()).toBe(200);
  customer.target = mediaPort(response.body);
  if (secure) customer.secure({ send: own, receive: readCrypto(response.body)[0]!.keys });
  return { gateway, phone, customer, far };
}

async function daemon(): Promise<string> {
  const started = await startRtpengine();
  onTestFinished(() => started.kill());
  return `udp://127.0.0.1:${started.port}`;
}

const SAID_BY_STRANGER = 0xbadbad;
const ssrcsHeard = (voice: Voice) => new Set(voice.heard().map((packet) => packet.readUInt32BE(8)));

/** Both sides heard at least that share of what the other said, and nobody else. */
function expectOwnAudio({ customer, far }: LiveCall, share: number): void {
  for (const [said, by] of [
    [customer, far],
    [far, customer],
  ] as const) {
    expect([...ssrcsHeard(by)]).toEqual([said.ssrc]);
    expect(by.heard().length / said.said.length).toBeGreaterThanOrEqual(share);
  }
}

const dropped = async (gateway: GatewayUnderTest) =>
  (await gateway.metrics()).by('trunkline_media_dropped_total', 'reason');

const portsOf = ({ customer, far }: LiveCall) => [customer.target, customer.target + 1, far.target, far.target + 1];

/** Both sides speak at once; resolves when the last packet has had time to arrive. */
async function talk({ customer, far }: LiveCall, packets: number): Promise<void> {
  await Promise.all([customer.say(packets, 20), far.say(packets, 20)]);
  await pause(100);
}

/** Shares that were lost at a flooded port: of the call's own packets that came to it, and of the flood. */
async function floodOnePort(engine: string): Promise<{ own: number; others: number; sent: number }> {
  const call = await liveCall(engine);
  await talk(call, 10);
  const flood = await startFlood(STRANGER, [call.customer.target], 20_000);
  await talk(call, 150);
  const { sent, received } = await flood.stop();
  expect(received).toBe(0);
  expect(sent).toBeGreaterThan(10_000);
  await call.phone.bye();
  await call.gateway.recordsOnceThere(1);
  const counts = await dropped(call.gateway);
  const { customer, far } = call;
  expect([...ssrcsHeard(far), ...ssrcsHeard(customer)]).toEqual([customer.ssrc, far.ssrc]);
  const lost = (said: number, arrived: number) => Math.max(0, 1 - arrived / said);
  return {
    own: lost(customer.said.length, far.heard().length),
    others: lost(sent, counts.source ?? counts.rtpengine ?? 0),
    sent,
  };
}

const ENGINES = ['typescript', 'native', ...(hasCommand('rtpengine') ? ['rtpengine'] : [])];

describe.each(ENGINES)('engine %s', (engine) => {
  it('hears nothing of 2,000 packets a second from a third address, and sends it nothing', { retry: 1 }, async () => {
    const call = await liveCall(engine);
    // Before anybody latched, while they do, and after the two seconds in which a better match may still win.
    const flood = await startFlood(STRANGER, portsOf(call), 2000);
    await pause(1000);
    await talk(call, 200);
    const { sent, received } = await flood.stop();
    await pause(200);
    expect(sent).toBeGreaterThan(6000);
    expect(received).toBe(0);
    expectOwnAudio(call, 0.99);
    for (const { rtcp } of [call.customer, call.far]) {
      expect(rtcp.got.filter(({ data }) => data.readUInt32BE(4) === 0xbadbad00)).toEqual([]);
    }
    await call.phone.bye();
    const [record] = await call.gateway.recordsOnceThere(1);
    // What was refused is in one count; a daemon tells it, and no loss.
    const counts = await dropped(call.gateway);
    expect(counts.source ?? counts.rtpengine).toBeGreaterThan(sent * 0.9);
    const packetsLost = engine === 'rtpengine' ? null : 0;
    expect(record!.Trunkline.Quality!.Paths.cust2vc).toMatchObject({ rtpPackets: 200, packetsLost });
    console.info(`${engine}: 2,000/s third address: ${sent} sent, 0 heard, ${received} sent to it, own 200/200`);
  });

  it('loses at most one packet in a hundred at 20,000 a second on one port', { timeout: 90_000 }, async () => {
    for (let tries = 1; ; tries++) {
      const { own, others, sent } = await floodOnePort(engine);
      const text = `own ${(100 * own).toFixed(1)} %, of the flood ${(100 * others).toFixed(1)} %`;
      console.info(`${engine}: 20,000/s on one port: ${sent} sent, lost ${text}`);
      // A daemon in user space does not keep up with so many, whatever time it has: it fares no worse than the flood.
      if (engine === 'rtpengine') return expect(own, text).toBeLessThanOrEqual(others + 0.15);
      // Again, should the machine have stalled.
      if (own > 0.01 && tries < 3) continue;
      expect(sent).toBeGreaterThan(30_000);
      return expect(own, text).toBeLessThanOrEqual(0.01);
    }
  });

  it('a stranger with the peer’s address and another port is told apart', async () => {
    const call = await liveCall(engine);
    await talk(call, 5);
    const stranger = await udpPeer('127.0.0.1');
    for (let sequence = 0; sequence < 100; sequence++) {
      const packet = Buffer.from(call.customer.said[0]!);
      packet.writeUInt32BE(SAID_BY_STRANGER, 8);
      stranger.send(packet, call.customer.target);
    }
    await talk(call, 20);
    await stranger.close();
    expect(stranger.got).toEqual([]);
    expectOwnAudio(call, 1);
    await call.phone.bye();
  });
});

describe.each(['typescript', 'native'])('engine %s', (engine) => {
  it('passes nothing sealed wrongly, repeated or plain on an SRTP leg', async () => {
    const call = await liveCall(engine, true);
    const { customer, far, gateway } = call;
    await talk(call, 20);
    const genuine = customer.next();
    customer.rtp.send(genuine, customer.target);
    const attack = (async () => {
      for (let index = 0; index < 5000; index++) {
        const bad = Buffer.from(genuine);
        bad.writeUInt16BE((customer.sequence + index) & 0xffff, 2);
        customer.rtp.send(bad, customer.target);
        customer.rtp.send(genuine, customer.target);
        const plain = Buffer.from(customer.said[0]!);
        plain.writeUInt16BE((customer.sequence + index) & 0xffff, 2);
        customer.rtp.send(plain, customer.target);
        if (index % 20 === 19) await pause(5);
      }
    })();
    await talk(call, 80);
    await attack;
    await pause(500);
    expect(far.heard().map((packet) => packet.toString('hex'))).toEqual(
      customer.said.map((packet) => packet.toString('hex')),
    );
    expectOwnAudio(call, 1);
    const counts = await dropped(gateway);
    // The plain and the badly sealed; a few may have been lost before they were read.
    expect(counts['srtp-auth']).toBeGreaterThan(9900);
    expect(counts['srtp-replay']).toBeGreaterThan(4900);
    await call.phone.bye();
    const [record] = await gateway.recordsOnceThere(1);
    expect(record!.Trunkline.Quality!.Paths.cust2vc).toMatchObject({ rtpPackets: 101, packetsLost: 0 });
    console.info(`${engine}: SRTP: dropped ${JSON.stringify(counts)}, heard 101 of 101`);
  });

  it('drops what is no RTP, of any size, and counts it by reason', async () => {
    const call = await liveCall(engine);
    await talk(call, 10);
    const { customer, far, gateway } = call;
    const heardBefore = far.rtp.got.length;
    const wrong: [string, Buffer][] = [
      ['stun', Buffer.from('000100002112a442000000000000000000000000', 'hex')],
      ['dtls', Buffer.concat([Buffer.from('16fefd', 'hex'), randomBytes(200)])],
      ['malformed', Buffer.from('8f000006decafbadcafebabe060708090a0b0c0d', 'hex')],
      ['not-rtp', Buffer.from('OPTIONS sip:x SIP/2.0\r\n\r\n')],
      ['rtcp-malformed', Buffer.from('80c9ffff00000000', 'hex')],
    ];
    for (let round = 0; round < 20; round++) {
      for (const [, datagram] of wrong) {
        customer.rtp.send(datagram, customer.target);
        if (datagram[0] === 0x80) customer.rtcp.send(datagram, customer.target + 1);
      }
      await pause(5);
    }
    const sizes = [0, 1, 2, 11, 1500, 2049, 9000, 30_000, 65_507];
    for (const size of sizes) customer.rtp.send(Buffer.alloc(size, 0x41), customer.target);
    for (const size of sizes) customer.rtcp.send(Buffer.alloc(size, 0x81), customer.target + 1);
    // Whatever its size, down to nothing and up to the largest: each datagram is in one count, those over 2048 bytes too.
    const sent = 20 * (wrong.length + 1) + 2 * sizes.length;
    const total = (told: Record<string, number>) => Object.values(told).reduce((sum, count) => sum + count, 0);
    const counts = await eventually('everything counted', async () => {
      const told = await dropped(gateway);
      return total(told) >= sent && told;
    });
    expect(total(counts)).toBe(sent);
    expect(counts.stun).toBe(20);
    expect(counts.dtls).toBe(20);
    expect(counts['rtcp-malformed']).toBeGreaterThanOrEqual(40);
    expect(counts.malformed).toBeGreaterThanOrEqual(20);
    expect(counts['not-rtp']).toBeGreaterThanOrEqual(20);
    expect(far.rtp.got).toHaveLength(heardBefore);
    expect(customer.rtp.got.length).toBe(10);
    await talk(call, 50);
    await pause(100);
    expectOwnAudio(call, 1);
    await call.phone.bye();
    await call.gateway.recordsOnceThere(1);
    console.info(`${engine}: no RTP: dropped ${JSON.stringify(await dropped(gateway))}`);
  });
});

/** What the daemon does by its nature: src/rtp/rtpengine/README.md. */
describe.skipIf(!hasCommand('rtpengine'))('engine rtpengine', () => {
  it('passes nothing badly sealed or plain on an SRTP leg', async () => {
    const call = await liveCall('rtpengine', true);
    const { customer, far, gateway } = call;
    await talk(call, 20);
    const genuine = customer.next();
    customer.rtp.send(genuine, customer.target);
    const attack = (async () => {
      for (let index = 0; index < 5000; index++) {
        const bad = Buffer.from(genuine);
        const plain = Buffer.from(customer.said[0]!);
        for (const packet of [bad, plain]) {
          packet.writeUInt16BE((customer.sequence + index) & 0xffff, 2);
          customer.rtp.send(packet, customer.target);
        }
        if (index % 20 === 19) await pause(5);
      }
    })();
    await talk(call, 80);
    await attack;
    await pause(500);
    expect(far.heard().map((packet) => packet.toString('hex'))).toEqual(
      customer.said.map((packet) => packet.toString('hex')),
    );
    expectOwnAudio(call, 1);
    await call.phone.bye();
    const [record] = await gateway.recordsOnceThere(1);
    expect(record!.Trunkline.Quality!.Paths.cust2vc).toMatchObject({ rtpPackets: 101 });
    // Its replay window is none: what is repeated passes, and the far end drops it.
  });
});
