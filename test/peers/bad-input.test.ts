import { createSocket } from 'node:dgram';
import { readdirSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { SeededRandom } from '../../src/core/index.js';
import { carrier, connector, FAR_NUMBER, type GatewayUnderTest, OUR_NUMBER, startGateway } from '../support/gateway.js';
import { eventually, needs, pause } from '../support/program.js';
import { audioKey, outboundKeys } from '../support/scene.js';
import { runCaller, startAnswerer } from '../support/sipp.js';

/** What peers may send: answered or dropped, counted by reason, and never the end of the process. */

const TORTURE = 'test/vectors/torture';
const torture = readdirSync(TORTURE).filter((name) => name.endsWith('.dat'));

const gatewayTo = (port: number) => startGateway({ carriers: [carrier([port])], voiceConnectors: [connector()] });

/** Sends datagrams from one socket; gives what came back within `waitMs` of the last. */
async function exchange(port: number, datagrams: readonly Buffer[], waitMs = 300): Promise<string[]> {
  const socket = createSocket('udp4');
  const answers: string[] = [];
  socket.on('message', (bytes) => answers.push(bytes.toString('latin1')));
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  for (const datagram of datagrams) {
    await new Promise((resolve) => socket.send(datagram, port, '127.0.0.1', resolve));
  }
  await pause(waitMs);
  socket.close();
  return answers;
}

function request(method: string, lines: readonly string[] = [], body = ''): Buffer {
  const tag = Math.random().toString(36).slice(2);
  const head = [
    `${method} sip:${FAR_NUMBER}@127.0.0.1 SIP/2.0`,
    `Via: SIP/2.0/UDP 127.0.0.1:9;rport;branch=z9hG4bK${tag}`,
    'Max-Forwards: 70',
    `From: <sip:${OUR_NUMBER}@127.0.0.1>;tag=${tag}`,
    `To: <sip:${FAR_NUMBER}@127.0.0.1>`,
    `Call-ID: ${tag}`,
    `CSeq: 1 ${method}`,
    'Contact: <sip:test@127.0.0.1:9>',
    ...lines,
    `Content-Length: ${body.length}`,
  ];
  return Buffer.from(`${head.join('\r\n')}\r\n\r\n${body}`, 'latin1');
}

/** Random bytes that RFC 3550 gives no meaning: not version 2, which, come first, would be a packet to latch on. */
function noise(random: SeededRandom, lengthBytes: number): Buffer {
  const bytes = Buffer.from(Array.from({ length: lengthBytes }, () => random.uint32() & 255));
  bytes[0]! &= 0x7f;
  return bytes;
}

async function expectAlive(gateway: GatewayUnderTest): Promise<void> {
  expect(gateway.running, gateway.tail()).toBe(true);
  const [answer] = await exchange(gateway.sipPort, [request('OPTIONS')]);
  expect(answer).toMatch(/^SIP\/2\.0 200 /);
  expect((await gateway.metrics()).sum('trunkline_sip_internal_errors_total')).toBe(0);
}

describe('bad input', () => {
  it('of RFC 4475 over UDP stops nothing', async () => {
    const gateway = await gatewayTo(9);
    await exchange(
      gateway.sipPort,
      torture.map((name) => readFileSync(join(TORTURE, name))),
    );
    await expectAlive(gateway);
    expect((await gateway.metrics()).sum('trunkline_sip_parse_errors_total')).toBeGreaterThan(5);
  });

  it('of RFC 4475 over TCP stops nothing', async () => {
    const gateway = await gatewayTo(9);
    for (const name of torture) {
      await new Promise<void>((resolve) => {
        const socket = connect(gateway.sipPort, '127.0.0.1', () => socket.end(readFileSync(join(TORTURE, name))));
        socket
          .on('close', () => resolve())
          .on('error', () => {})
          .resume();
        setTimeout(() => socket.destroy(), 500);
      });
    }
    await expectAlive(gateway);
  });

  it('that is no SIP at all is counted', async () => {
    const gateway = await gatewayTo(9);
    const random = new SeededRandom(7);
    const noise = Array.from({ length: 200 }, (_, size) =>
      Buffer.from(Array.from({ length: size * 5 }, () => random.uint32() & 255)),
    );
    await exchange(gateway.sipPort, [
      ...noise,
      Buffer.from('INVITE sip:x SIP/2.0\r\n'),
      Buffer.from('\r\n\r\n'),
      Buffer.alloc(0),
    ]);
    await expectAlive(gateway);
    expect((await gateway.metrics()).sum('trunkline_sip_parse_errors_total')).toBeGreaterThan(150);
  });

  it('with an unknown method gets 405 or 501, with Allow', async () => {
    const gateway = await gatewayTo(9);
    const [answer] = await exchange(gateway.sipPort, [request('FROBNICATE')]);
    expect(answer).toMatch(/^SIP\/2\.0 (405|501) /);
    expect(answer).toMatch(/^Allow: .*INVITE/m);
  });

  it('with a session description without audio gets 488, and a record', async () => {
    const gateway = await gatewayTo(9);
    const sdp =
      'v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=video 4000 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n';
    const answers = await exchange(gateway.sipPort, [request('INVITE', ['Content-Type: application/sdp'], sdp)]);
    expect(answers.at(-1)).toMatch(/^SIP\/2\.0 488 /);
    const [record] = await gateway.recordsOnceThere(1);
    expect(record).toMatchObject({ Status: 'Failed', Trunkline: { SipStatus: 488 } });
  });

  it('with a session description that is garbage gets 400, and a record', async () => {
    const gateway = await gatewayTo(9);
    const answers = await exchange(gateway.sipPort, [
      request('INVITE', ['Content-Type: application/sdp'], 'v=0 garbage'),
    ]);
    expect(answers.at(-1)).toMatch(/^SIP\/2\.0 (400|488) /);
    const [record] = await gateway.recordsOnceThere(1);
    expect(record?.Status).toBe('Failed');
  });
});

describe('garbage at media ports', () => {
  beforeEach((context) => needs(context, 'sipp'));

  it('is dropped with a reason while the call goes on', async () => {
    const keys = { ...outboundKeys, audio: audioKey(3) };
    const answerer = await startAnswerer({ scenario: 'uas-audio', keys });
    const gateway = await gatewayTo(answerer.port);
    const target = `127.0.0.1:${gateway.sipPort}`;
    const calling = runCaller({ scenario: 'uac-audio', target, keys, calls: 1, callsPerSecond: 1, pauseMs: 4000 });
    await eventually('the call is up', async () => (await gateway.metrics()).sum('trunkline_calls_active') === 1);
    const { first, last } = gateway.mediaPorts;
    const random = new SeededRandom(8);
    for (let port = first; port <= last; port++) {
      await exchange(port, [Buffer.alloc(1), Buffer.from('hello'), noise(random, 200)], 0);
    }
    const caller = await calling;
    expect(caller, caller.errors).toMatchObject({ status: 0, successful: 1 });
    const [record] = await gateway.recordsOnceThere(1);
    expect(record).toMatchObject({ Status: 'Completed' });
    expect(record!.Trunkline.Quality!.Paths.cust2vc).toMatchObject({ rtpPackets: 150, packetsLost: 0 });
    expect((await gateway.metrics()).sum('trunkline_media_dropped_total')).toBeGreaterThan(0);
    await expectAlive(gateway);
  });
});
