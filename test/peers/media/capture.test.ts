import { execFileSync, spawn } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadNative } from '../../../src/rtp/native/index.js';
import { carrier, connector, FAR_NUMBER, type GatewayUnderTest, OUR_NUMBER } from '../../support/gateway.js';
import { eventually, needs } from '../../support/program.js';
import { audioKey, outboundKeys, PACKETS_PER_SECOND } from '../../support/scene.js';
import { runCaller, startAnswerer } from '../../support/sipp.js';
import { type ApiClient, startWithApi } from '../policy/api-client.js';
import { openScriptPhone } from './script-phone.js';
import { cryptoValue, describeVoice, mediaPort, newKeys, openVoice, readCrypto } from './voice.js';

/** A running call's packets in a file: by the command, and as Wireshark reads it. */

const AUDIO_SECONDS = 6;

function trunkline(
  gateway: GatewayUnderTest,
  ...args: readonly string[]
): Promise<{ status: number | null; out: string }> {
  const child = spawn(resolve('bin/trunkline'), [...args, '--config', join(gateway.dataDir, 'gateway.yaml')]);
  let out = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (out += text));
  return new Promise((done) => child.once('close', (status) => done({ status, out })));
}

interface Row {
  readonly from: number;
  readonly to: number;
  readonly sequence: number;
  readonly atSeconds: number;
  readonly wire: string;
}

/** Every RTP packet of a capture, as tshark reads it; a packet that is malformed to it fails. */
function rtpRows(file: string): Row[] {
  const fields = ['udp.srcport', 'udp.dstport', 'rtp.seq', 'frame.time_epoch', 'udp.payload'].flatMap((name) => [
    '-e',
    name,
  ]);
  const args = [
    '-r',
    file,
    '--enable-heuristic',
    'rtp_udp',
    '-o',
    'udp.check_checksum:TRUE',
    '-Y',
    'rtp',
    '-T',
    'fields',
    ...fields,
  ];
  const text = execFileSync('tshark', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  const broken = ['-r', file, '-o', 'udp.check_checksum:TRUE', '-o', 'ip.check_checksum:TRUE'];
  const filter = 'udp.checksum.status == 0 || ip.checksum.status == 0 || _ws.malformed';
  expect(
    execFileSync('tshark', [...broken, '-Y', filter], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }),
  ).toBe('');
  return text
    .trim()
    .split('\n')
    .map((line) => {
      const [from, to, sequence, at, wire] = line.split('\t');
      return { from: Number(from), to: Number(to), sequence: Number(sequence), atSeconds: Number(at), wire: wire! };
    });
}

const runningCall = (api: ApiClient): Promise<string> =>
  eventually('an answered call', async () => {
    const [call] = (await api.call('GET', '/calls')).body.items;
    return call?.state === 'answered' && (call.transactionId as string);
  });

const captures = (gateway: GatewayUnderTest): number => {
  const directory = join(gateway.dataDir, 'captures');
  return existsSync(directory) ? readdirSync(directory).length : 0;
};

const captureFile = (gateway: GatewayUnderTest, name: string): string => join(gateway.dataDir, 'captures', name);

describe.each(loadNative() ? ['native', 'typescript'] : ['typescript'])('trunkline capture, engine %s', (engine) => {
  it('writes a call with audio between two SIPp, both legs both ways, that tshark reads without a gap', async (context) => {
    needs(context, 'sipp', 'tshark');
    const keys = { ...outboundKeys, audio: audioKey(AUDIO_SECONDS) };
    const answerer = await startAnswerer({ scenario: 'uas-audio', keys });
    const carriers = [carrier([answerer.port])];
    const { gateway, api } = await startWithApi({ carriers, voiceConnectors: [connector()], media: { engine } });
    const caller = runCaller({
      scenario: 'uac-audio',
      target: `127.0.0.1:${gateway.sipPort}`,
      keys,
      calls: 1,
      callsPerSecond: 1,
      pauseMs: (AUDIO_SECONDS + 1) * 1000,
    });
    const id = await runningCall(api);
    const { status, out } = await trunkline(gateway, 'capture', id, '--seconds', '60', '--json');
    expect(status, out).toBe(0);
    const result = JSON.parse(out);
    expect(result).toMatchObject({ dropped: 0, ended: 'call-ended' });
    expect(await caller).toMatchObject({ status: 0, successful: 1 });

    const path = captureFile(gateway, result.file);
    expect(result.file).toMatch(new RegExp(`^${id}-\\d{8}T\\d{6}Z\\.pcap$`));
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const rows = rtpRows(path);
    const { first, last } = gateway.mediaPorts;
    const ours = (port: number): boolean => port >= first && port <= last;
    const streams = new Map<string, Row[]>();
    for (const row of rows) {
      const key = `${row.from}>${row.to}`;
      streams.set(key, [...(streams.get(key) ?? []), row]);
    }
    expect([...streams.keys()].filter((key) => ours(Number(key.split('>')[1])))).toHaveLength(2);
    expect([...streams.keys()].filter((key) => ours(Number(key.split('>')[0])))).toHaveLength(2);
    for (const stream of streams.values()) {
      // The command takes a moment to start; from then on nothing is missing.
      expect(stream.length).toBeGreaterThan((AUDIO_SECONDS - 4) * PACKETS_PER_SECOND);
      stream.forEach(({ sequence }, at) => expect(sequence).toBe((stream[0]!.sequence + at) & 0xffff));
    }
    const times = rows.map(({ atSeconds }) => atSeconds);
    expect(times).toEqual([...times].sort((one, other) => one - other));
    expect(Math.abs(times[0]! - Date.now() / 1000)).toBeLessThan(30);
    // What came from one side is what went to the other, from when both sides of both legs are written.
    const wholeAt = Math.max(...[...streams.values()].map(([first]) => first!.atSeconds));
    const whole = rows.filter(({ atSeconds }) => atSeconds > wholeAt);
    expect(whole.length).toBeGreaterThan(rows.length - 16);
    const said = whole.filter(({ to }) => ours(to)).map(({ wire }) => wire);
    expect(
      whole
        .filter(({ from }) => ours(from))
        .map(({ wire }) => wire)
        .sort(),
    ).toEqual(said.sort());
    const [record] = await gateway.recordsOnceThere(1);
    expect(record!.Trunkline.Quality!.Paths.cust2vc).toMatchObject({
      rtpPackets: AUDIO_SECONDS * PACKETS_PER_SECOND,
      packetsLost: 0,
    });
    const audit = (await api.call('GET', '/audit?limit=10')).body.items;
    expect(audit).toContainEqual(expect.objectContaining({ who: 'key:ops', action: 'capture', what: `call/${id}` }));
  });

  it('shows an SRTP leg as it is on the wire, and decrypted only when asked', async (context) => {
    needs(context, 'tshark');
    const [customer, far] = [await openScriptPhone({ user: OUR_NUMBER }), await openScriptPhone({ user: FAR_NUMBER })];
    const [voice, farVoice] = [await openVoice(), await openVoice()];
    far.answerWith = (offer) => {
      farVoice.target = mediaPort(offer);
      return describeVoice({ port: farVoice.port });
    };
    const carriers = [carrier([far.port], { encryption: 'off' })];
    const { gateway, api } = await startWithApi({ carriers, voiceConnectors: [connector()], media: { engine } });
    const own = newKeys('AES_CM_128_HMAC_SHA1_80');
    const offer = describeVoice({ port: voice.port, crypto: [cryptoValue(1, own)] });
    const response = await customer.call(gateway.sipPort, FAR_NUMBER, `127.0.0.1:${gateway.sipPort}`, offer);
    expect(response.status, gateway.tail()).toBe(200);
    voice.target = mediaPort(response.body);
    voice.secure({ send: own, receive: readCrypto(response.body)[0]!.keys });
    const id = await runningCall(api);

    const capture = async (plain: boolean): Promise<{ said: string[]; rows: Row[] }> => {
      const running = api.call('POST', `/calls/${id}/capture`, { seconds: 3, plain });
      await eventually('the file', () => captures(gateway) === (plain ? 2 : 1));
      // The forks open with the file.
      await new Promise((done) => setTimeout(done, 200));
      const from = voice.said.length;
      await voice.say(40);
      const { status, body } = await running;
      expect(status, JSON.stringify(body)).toBe(200);
      expect(body).toMatchObject({ dropped: 0, ended: 'time' });
      const rows = rtpRows(captureFile(gateway, body.file)).filter(({ from: port }) => port === voice.port);
      return { said: voice.said.slice(from).map((packet) => packet.toString('hex')), rows };
    };
    const sealed = await capture(false);
    expect(sealed.rows.map(({ wire }) => wire.length / 2)).toEqual(sealed.said.map(() => 182));
    for (const { wire } of sealed.rows) expect(sealed.said).not.toContain(wire.slice(0, 2 * 172));
    const plain = await capture(true);
    expect(plain.rows.map(({ wire }) => wire)).toEqual(plain.said);
    await customer.bye();
  });

  it('is for admin keys only, and for calls that run', async () => {
    const { api, gateway } = await startWithApi({
      carriers: [carrier([5060])],
      voiceConnectors: [connector()],
      media: { engine },
    });
    const path = '/calls/5f0e6a9c-1d2b-4c3d-8e4f-0123456789ab/capture';
    expect((await api.call('POST', path, {}, '')).status).toBe(401);
    expect((await api.call('POST', path, {}, 'watch:w')).status).toBe(403);
    expect((await api.call('POST', path, {})).body.error.code).toBe('api.not-found');
    expect((await api.call('POST', '/calls/..%2F..%2Fetc/capture', {})).status).toBe(404);
    for (const body of [{ seconds: 0 }, { seconds: 301 }, { seconds: 1.5 }, { plain: 'yes' }, []]) {
      expect((await api.call('POST', path, body)).status).toBe(400);
    }
    expect((await trunkline(gateway, 'capture')).status).toBe(2);
    expect((await trunkline(gateway, 'capture', 'nobody', '--seconds', 'x')).status).toBe(2);
    expect(readdirSync(gateway.dataDir)).not.toContain('captures');
  });
});
