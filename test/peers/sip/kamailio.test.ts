import { beforeEach, describe, expect, it } from 'vitest';
import { AUDIO, audio, Script } from '../../scenario/sip/script.js';
import { CONNECTOR, carrier, connector, FAR_NUMBER, OUR_NUMBER, startGateway } from '../../support/gateway.js';
import { type EdgeOptions, startCarrierEdge } from '../../support/kamailio.js';
import { freePort } from '../../support/ports.js';
import { eventually, needs } from '../../support/program.js';
import { scratchDirectory } from '../../support/scratch.js';
import { type Answerer, runCaller, startAnswerer } from '../../support/sipp.js';
import { header, MessageLog } from './message-log.js';

/**
 * A carrier whose edge is Kamailio: it asks for digest and registration, record-routes, and forks.
 *
 *     SIPp ──► gateway ──► Kamailio (127.0.0.3) ──► one SIPp, or two
 *     SIPp ◄── gateway ◄── Kamailio (127.0.0.3) ◄── SIPp (127.0.0.4)
 */

const EDGE = '127.0.0.3';
const INSIDE = '127.0.0.4';
/** Host of nobody: the side answers calls that Kamailio brings. */
const BEHIND = 'behind';
const REALM = 'carrier.example.net';
const CREDENTIALS = { username: 'trunk', password: 'open sesame' };

/** One side of a call, as its script, and what it sees. */
async function side(
  role: 'caller' | 'answerer',
  host: string,
  address: string,
  port: number,
  write: (call: Script) => void,
) {
  const inbound = address === INSIDE;
  const numbers = inbound ? { called: OUR_NUMBER, caller: FAR_NUMBER } : { called: FAR_NUMBER, caller: OUR_NUMBER };
  const behind = host === BEHIND && ({ behindProxy: true } as const);
  const script = new Script({ ...numbers, ...behind, role, host, via: 'UDP', contact: `${address}:${port}` });
  write(script);
  const directory = scratchDirectory();
  const more = ['-trace_msg', '-message_file', 'messages.log'];
  return { scenario: { xml: script.xml(role) }, directory, address, port, more };
}

const logOf = ({ directory }: { directory: string }): MessageLog => new MessageLog(`${directory}/messages.log`);

async function startTrunk(protocol: 'UDP' | 'TCP', options: Partial<EdgeOptions>, more: object = {}) {
  const edge = await startCarrierEdge({
    address: EDGE,
    realm: REALM,
    password: CREDENTIALS.password,
    far: '127.0.0.1:9',
    inside: INSIDE,
    ...options,
  });
  const answererPort = await freePort();
  const trunk = carrier([], {
    hosts: [{ host: EDGE, port: edge.port, protocol }],
    sources: [`${EDGE}/32`],
    mediaSources: ['127.0.0.0/8'],
    credentials: CREDENTIALS,
    realm: REALM,
    ...more,
  });
  const origination = { routes: [{ host: '127.0.0.1', port: answererPort }] };
  const gateway = await startGateway({ carriers: [trunk], voiceConnectors: [connector({ origination })] });
  return { edge, gateway, answererPort, trunkHost: `${CONNECTOR}.voiceconnector.localhost` };
}

/** A call with a hold; `headers` go with every request inside it. */
const talk =
  (headers: readonly string[] = []) =>
  (call: Script): void =>
    void call
      .invite({ sdp: AUDIO })
      .expect(180)
      .expect(200)
      .ack({ headers })
      .pause(300)
      .request('INVITE', { headers, sdp: audio('sendonly', 2) })
      .expect(200)
      .ack({ headers })
      .pause(200)
      .request('BYE', { headers })
      .expect(200);

const listen = (call: Script): void =>
  void call
    .on('INVITE')
    .reply(180)
    .reply(200, { sdp: AUDIO })
    .on('ACK')
    .on('INVITE', 're')
    .reply(200, { sdp: audio('recvonly', 2) })
    .on('ACK')
    .on('BYE')
    .reply(200);

describe('a carrier behind Kamailio', () => {
  beforeEach((context) => needs(context, 'kamailio', 'sipp'));

  it.each(['UDP', 'TCP'] as const)(
    'is called with credentials, and every request of the dialog takes its route (%s)',
    async (protocol) => {
      const far = await side('answerer', BEHIND, '127.0.0.1', await freePort(), listen);
      const answerer = await startAnswerer(far);
      const { edge, gateway, trunkHost } = await startTrunk(protocol, { far: `127.0.0.1:${answerer.port}` });
      const near = await side('caller', trunkHost, '127.0.0.1', await freePort(), talk());
      const result = await runCaller({ ...near, target: `127.0.0.1:${gateway.sipPort}`, calls: 1, callsPerSecond: 1 });
      const seen = `${result.errors}\n${logOf(near).ladder()}\n${edge.lines.join('\n')}\n${gateway.tail(10)}`;
      expect(result, seen).toMatchObject({ successful: 1, failed: 0 });
      expect(await answerer.stop(), seen).toMatchObject({ successful: 1, failed: 0 });
      expect(logOf(near).received(407), 'the caller hears nothing of the challenge').toEqual([]);
      expect(edge.lines.filter((line) => line.includes('call of trunk'))).toHaveLength(1);
      const inside = edge.lines.flatMap((line) => /inside (\w+) (\S+) routes=(\S+)/.exec(line)?.slice(1) ?? []);
      const methods = edge.lines.flatMap(
        (line) => /inside (\w+) 127\.0\.0\.1 routes=<sip:127\.0\.0\.3:/.exec(line)?.[1] ?? [],
      );
      expect(methods, inside.join(' ')).toEqual(expect.arrayContaining(['ACK', 'INVITE', 'BYE']));
      const invite = logOf(far).received('INVITE')[0]!;
      expect(header(invite, 'Record-Route')).toContain(`${EDGE}:${edge.port}`);
      expect(header(invite, 'Proxy-Authorization'), 'the proxy keeps what was for it').toBeUndefined();
      const [record] = await gateway.recordsOnceThere(1);
      expect(record).toMatchObject({ Status: 'Completed', Trunkline: { SipStatus: 200, HangupSide: 'customer' } });
    },
  );

  it('forks a call: one of two telephones answers, the other is cancelled, the caller has one call', async () => {
    const rings = (tag: string, write: (call: Script) => void) => (call: Script) => {
      call.on('INVITE').reply(180, { tag });
      write(call);
    };
    const patient = await side(
      'answerer',
      BEHIND,
      '127.0.0.1',
      await freePort(),
      rings(
        'one',
        (call) => void call.on('CANCEL').reply(200, { tag: 'one' }).reply(487, { to: 'INVITE', tag: 'one' }).on('ACK'),
      ),
    );
    const quick = await side(
      'answerer',
      BEHIND,
      '127.0.0.1',
      await freePort(),
      rings(
        'two',
        (call) => void call.pause(500).reply(200, { tag: 'two', sdp: AUDIO }).on('ACK').on('BYE').reply(200),
      ),
    );
    const answerers: Answerer[] = [await startAnswerer(patient), await startAnswerer(quick)];
    const { gateway, trunkHost, edge } = await startTrunk('UDP', {
      far: `127.0.0.1:${answerers[0]!.port}`,
      alsoAt: `127.0.0.1:${answerers[1]!.port}`,
    });
    const near = await side(
      'caller',
      trunkHost,
      '127.0.0.1',
      await freePort(),
      (call) =>
        void call
          .invite({ sdp: AUDIO })
          .expect(180)
          .expect(180, { optional: true })
          .expect(200)
          .ack()
          .pause(300)
          .request('BYE')
          .expect(200),
    );
    const result = await runCaller({ ...near, target: `127.0.0.1:${gateway.sipPort}`, calls: 1, callsPerSecond: 1 });
    const seen = `${result.errors}\n${logOf(near).ladder()}\n${edge.lines.join('\n')}\n${gateway.tail(10)}`;
    expect(result, seen).toMatchObject({ successful: 1, failed: 0 });
    for (const answerer of answerers) expect(await answerer.stop(), seen).toMatchObject({ successful: 1, failed: 0 });
    const [record] = await gateway.recordsOnceThere(1);
    expect(record).toMatchObject({ Status: 'Completed', Trunkline: { SipStatus: 200 } });
    expect(record!.Trunkline.Attempts).toHaveLength(1);
  });

  it.each(['UDP', 'TCP'] as const)('is registered with, and calls where that says (%s)', async (protocol) => {
    const { edge, gateway, answererPort } = await startTrunk(protocol, {}, { registration: true });
    await eventually('Kamailio has the registration', () =>
      edge.lines.some((line) => line.includes('registered trunk')),
    );
    const near = await side('answerer', 'unused', '127.0.0.1', answererPort, listen);
    const answerer = await startAnswerer(near);
    const far = await side('caller', 'unused', INSIDE, await freePort(), talk(['[routes]']));
    const result = await runCaller({ ...far, target: `${EDGE}:${edge.port}`, calls: 1, callsPerSecond: 1 });
    const seen = `${result.errors}\n${logOf(far).ladder()}\n${edge.lines.join('\n')}\n${gateway.tail(10)}`;
    expect(result, seen).toMatchObject({ successful: 1, failed: 0 });
    expect(await answerer.stop(), seen).toMatchObject({ successful: 1, failed: 0 });
    const [record] = await gateway.recordsOnceThere(1);
    expect(record).toMatchObject({ Status: 'Completed', Direction: 'Inbound', Trunkline: { HangupSide: 'remote' } });
    await gateway.stop('SIGTERM');
    await eventually('the registration is taken back', () => edge.lines.some((line) => line.includes('expires=0')));
  });

  it('gets no credentials that are for another realm', async () => {
    const { gateway, trunkHost, edge } = await startTrunk('UDP', { realm: 'somebody.else.example' });
    const near = await side(
      'caller',
      trunkHost,
      '127.0.0.1',
      await freePort(),
      (call) => void call.invite({ sdp: AUDIO }).expect(503).ackRefusal(),
    );
    const result = await runCaller({ ...near, target: `127.0.0.1:${gateway.sipPort}`, calls: 1, callsPerSecond: 1 });
    expect(result, logOf(near).ladder()).toMatchObject({ successful: 1, failed: 0 });
    expect(edge.lines.filter((line) => line.includes('call of'))).toEqual([]);
    const [record] = await gateway.recordsOnceThere(1);
    expect(record!.Trunkline.Attempts).toMatchObject([{ SipStatus: 407 }]);
  });
});
