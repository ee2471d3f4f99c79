import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { PLAYED, Script } from '../../scenario/sip/script.js';
import {
  CONNECTOR,
  carrier,
  connector,
  type GatewayUnderTest,
  OUR_NUMBER,
  startGateway,
} from '../../support/gateway.js';
import { freePort } from '../../support/ports.js';
import { eventually, hasCommand } from '../../support/program.js';
import { audioKey, PACKETS_PER_SECOND } from '../../support/scene.js';
import { runCaller, startAnswerer } from '../../support/sipp.js';

/** Calls between IPv6 and IPv4, signalling and media, side by side through one gateway. */

vi.setConfig({ maxConcurrency: 6 });

const V4 = '127.0.0.1';
const V6 = '::1';
const bracketed = (address: string): string => (address === V6 ? `[${V6}]` : address);

const CALLS = (['UDP', 'TCP'] as const).flatMap((via, index) => [
  { via, from: V6, to: V4, called: `+1202555010${3 * index}` },
  { via, from: V4, to: V6, called: `+1202555010${3 * index + 1}` },
  { via, from: V6, to: V6, called: `+1202555010${3 * index + 2}` },
]);

describe.skipIf(!hasCommand('sipp'))('audio both ways', () => {
  const ports = new Map<string, number>();
  let gateway: GatewayUnderTest;
  let sipPort = 0;
  let audio = '';

  beforeAll(async () => {
    for (const { called } of CALLS) ports.set(called, await freePort());
    sipPort = await freePort();
    const listen = [V4, V6].flatMap((address) =>
      ['udp', 'tcp'].map((kind) => `${kind}://${bracketed(address)}:${sipPort}`),
    );
    gateway = await startGateway(
      {
        sip: { listen },
        media: { listen: [V4, V6] },
        carriers: CALLS.map(({ via, to, called }, index) =>
          carrier([], {
            name: `carrier${index}`,
            hosts: [{ host: to, port: ports.get(called), protocol: via }],
            prefixes: [called],
            sources: [`127.0.1.${index + 1}/32`],
          }),
        ),
        voiceConnectors: [connector({ termination: { cidrAllowedList: [`${V4}/32`, `${V6}/128`] } })],
      },
      { keep: true },
    );
    audio = audioKey(1, 1, gateway.dataDir);
  });
  afterAll(async () => void (await gateway?.stop()));

  /** Script and SIPp options of one side. */
  async function side(role: 'caller' | 'answerer', address: string, port: number, { via, called }: (typeof CALLS)[0]) {
    const host = `${CONNECTOR}.voiceconnector.localhost`;
    // SIPp puts brackets round its own address where they belong.
    const script = new Script({ role, via, host, contact: `[local_ip]:${port}`, called, caller: OUR_NUMBER });
    const directory = mkdtempSync(join(gateway.dataDir, role));
    const transport = via === 'UDP' ? ('udp' as const) : ('tcp' as const);
    return { script, run: { address, port, transport, directory } };
  }

  it.concurrent.each(CALLS)('from $from to $to over $via', async (call) => {
    const { from, to, called } = call;
    const answerer = await side('answerer', to, ports.get(called)!, call);
    answerer.script.on('INVITE').reply(180).reply(200, { sdp: PLAYED }).on('ACK').play(audio).on('BYE').reply(200);
    const caller = await side('caller', from, await freePort(), call);
    caller.script.invite({ sdp: PLAYED }).expect(180).expect(200).ack().play(audio).pause(1800);
    caller.script.request('BYE').expect(200);

    const answering = await startAnswerer({ ...answerer.run, scenario: { xml: answerer.script.xml('answerer') } });
    const result = await runCaller({
      ...caller.run,
      scenario: { xml: caller.script.xml('caller') },
      target: `${bracketed(from)}:${sipPort}`,
      calls: 1,
      callsPerSecond: 1,
    });
    expect(result, result.errors + gateway.tail()).toMatchObject({ successful: 1, failed: 0 });
    expect(await answering.stop()).toMatchObject({ successful: 1, failed: 0 });
    const record = await eventually('the record', () =>
      gateway.records().find(({ DestinationPhoneNumber }) => DestinationPhoneNumber === called),
    );
    expect(record).toMatchObject({ Status: 'Completed', Trunkline: { Code: 'call.hangup' } });
    for (const [path, { rtpPackets }] of Object.entries(record.Trunkline.Quality!.Paths)) {
      expect(rtpPackets, path).toBe(PACKETS_PER_SECOND);
    }
  });
});
