import {
  Inviter,
  type Session,
  type SessionDescriptionHandler,
  type SessionDescriptionHandlerFactory,
  SessionState,
  UserAgent,
} from 'sip.js';
import { afterEach, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { WebSocket } from 'ws';
import { AUDIO, Script } from '../../scenario/sip/script.js';
import { CONNECTOR, carrier, connector, FAR_NUMBER, OUR_NUMBER, startGateway } from '../../support/gateway.js';
import { freePort } from '../../support/ports.js';
import { eventually, needs } from '../../support/program.js';
import { startAnswerer } from '../../support/sipp.js';

/**
 * sip.js, the stack of browser phones, in Node: its signalling over WebSocket (RFC 7118) through the gateway to SIPp.
 * Media is not WebRTC here: a fixed description of plain RTP stands in for it.
 */

beforeAll(() => {
  // sip.js takes the browser's.
  Object.assign(globalThis, { WebSocket });
});

const OFFER = [
  'v=0',
  'o=browser 1 1 IN IP4 127.0.0.1',
  's=-',
  'c=IN IP4 127.0.0.1',
  't=0 0',
  'm=audio 40000 RTP/AVP 0',
  'a=rtpmap:0 PCMU/8000',
  '',
].join('\r\n');

/** Offers the fixed description and keeps what comes back. */
class FixedDescription implements SessionDescriptionHandler {
  static last: FixedDescription | undefined;
  answer = '';

  constructor() {
    FixedDescription.last = this;
  }

  close(): void {}
  hasDescription(contentType: string): boolean {
    return contentType === 'application/sdp';
  }
  getDescription() {
    return Promise.resolve({ body: OFFER, contentType: 'application/sdp' });
  }
  setDescription(sdp: string): Promise<void> {
    this.answer = sdp;
    return Promise.resolve();
  }
  sendDtmf(): boolean {
    return false;
  }
}

const descriptions: SessionDescriptionHandlerFactory = () => new FixedDescription();

const HOST = `${CONNECTOR}.voiceconnector.localhost`;

async function browserPhone(port: number): Promise<UserAgent> {
  const agent = new UserAgent({
    uri: UserAgent.makeURI(`sip:${OUR_NUMBER}@${HOST}`)!,
    transportOptions: { server: `ws://127.0.0.1:${port}` },
    sessionDescriptionHandlerFactory: descriptions,
    logBuiltinEnabled: false,
  });
  await agent.start();
  onTestFinished(() => agent.stop());
  return agent;
}

async function scene(script: (call: Script) => void) {
  const answererPort = await freePort();
  const place = { role: 'answerer', via: 'UDP', host: HOST, called: FAR_NUMBER, caller: OUR_NUMBER } as const;
  const call = new Script({ ...place, contact: `127.0.0.1:${answererPort}` });
  script(call);
  const answerer = await startAnswerer({
    scenario: { xml: call.xml('answerer') },
    port: answererPort,
  });
  const webPort = await freePort();
  const sipPort = await freePort();
  const gateway = await startGateway({
    sip: { listen: [`udp://127.0.0.1:${sipPort}`, `ws://127.0.0.1:${webPort}`] },
    carriers: [carrier([answererPort])],
    voiceConnectors: [connector()],
  });
  return { answerer, gateway, agent: await browserPhone(webPort) };
}

const invite = async (agent: UserAgent): Promise<Inviter> => {
  const inviter = new Inviter(agent, UserAgent.makeURI(`sip:${FAR_NUMBER}@${HOST}`)!);
  await inviter.invite();
  return inviter;
};

const reaches = (session: Session, state: SessionState): Promise<unknown> =>
  eventually(`session ${state}`, () => session.state === state);

describe('sip.js over WebSocket', () => {
  afterEach(() => {
    FixedDescription.last = undefined;
  });

  it('asks OPTIONS and is answered 200', async () => {
    const webPort = await freePort();
    await startGateway({
      sip: { listen: [`ws://127.0.0.1:${webPort}`] },
      carriers: [carrier([9])],
      voiceConnectors: [connector()],
    });
    const agent = await browserPhone(webPort);
    const target = UserAgent.makeURI(`sip:${HOST}`)!;
    const from = agent.configuration.uri;
    const message = agent.userAgentCore.makeOutgoingRequestMessage('OPTIONS', target, from, target, {});
    const status = await new Promise<number | undefined>((resolve) => {
      const tell = (response: { message: { statusCode?: number | undefined } }) => resolve(response.message.statusCode);
      agent.userAgentCore.request(message, { onAccept: tell, onReject: tell });
    });
    expect(status).toBe(200);
  });

  it('places a call: INVITE, 180, 200, ACK, BYE', async (context) => {
    needs(context, 'sipp');
    const { answerer, gateway, agent } = await scene((call) =>
      call.on('INVITE').reply(180).pause(100).reply(200, { sdp: AUDIO }).on('ACK').on('BYE').reply(200),
    );
    const session = await invite(agent);
    await reaches(session, SessionState.Established);
    expect(FixedDescription.last!.answer).toMatch(/^m=audio \d+ RTP\/AVP 0\r$/m);
    await session.bye();
    await reaches(session, SessionState.Terminated);
    expect(await answerer.stop()).toMatchObject({ successful: 1, failed: 0 });
    const [record] = await gateway.recordsOnceThere(1);
    expect(record).toMatchObject({
      Status: 'Completed',
      Trunkline: { Code: 'call.hangup', HangupSide: 'customer', Transport: 'ws' },
    });
  });

  it('is told BYE over its own connection when the far side hangs up', async (context) => {
    needs(context, 'sipp');
    const { answerer, gateway, agent } = await scene((call) =>
      call.on('INVITE').reply(200, { sdp: AUDIO }).on('ACK').pause(300).request('BYE').expect(200),
    );
    const session = await invite(agent);
    await reaches(session, SessionState.Established);
    await reaches(session, SessionState.Terminated);
    expect(await answerer.stop()).toMatchObject({ successful: 1, failed: 0 });
    const [record] = await gateway.recordsOnceThere(1);
    expect(record).toMatchObject({ Status: 'Completed', Trunkline: { HangupSide: 'remote' } });
  });

  it('gives up a call that rings', async (context) => {
    needs(context, 'sipp');
    const { answerer, gateway, agent } = await scene((call) =>
      call.on('INVITE').reply(180).on('CANCEL').reply(200).reply(487, { to: 'INVITE' }).on('ACK'),
    );
    const session = await invite(agent);
    await reaches(session, SessionState.Establishing);
    await eventually('ringing', async () => (await gateway.metrics()).sum('trunkline_calls_active') === 1);
    await session.cancel();
    await reaches(session, SessionState.Terminated);
    expect(await answerer.stop()).toMatchObject({ successful: 1, failed: 0 });
    const [record] = await gateway.recordsOnceThere(1);
    expect(record).toMatchObject({ Status: 'Failed', Trunkline: { Code: 'call.cancelled' } });
  });
});
