import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { carrier, connector, type GatewayUnderTest, startGateway } from '../../support/gateway.js';
import { freePort } from '../../support/ports.js';
import { eventually, pause } from '../../support/program.js';
import { type TortureCase, tortureCases, withSender } from './torture-message.js';

/**
 * All 49 messages of RFC 4475 and 12 of RFC 5118 (one of them in two forms) sent to the running gateway from the
 * address of an allowed customer; only the topmost Via is changed, to the sender. What must come back says
 * test/vectors/torture/expected.json. The parser's own judgement of them is tested in test/sip/message.
 */

const CASES = tortureCases();
/** An answer comes within this, or there is none. */
const ANSWER_MS = 1500;
const SILENCE_MS = 150;

/** Complaints about the message itself: no answer to one that is to be accepted. */
const COMPLAINTS = new Set([400, 406, 413, 415, 416, 420, 500, 501, 505, 513]);

let gateway: GatewayUnderTest;

/** The customer's allowed address, a carrier that takes nothing, a connector without credentials. */
const start = () => startGateway({ carriers: [carrier([9])], voiceConnectors: [connector()] }, { keep: true });

function statusesIn(text: string): number[] {
  return [...text.matchAll(/^SIP\/2\.0 (\d{3}) /gm)]
    .map(([, status]) => Number(status))
    .filter((status) => status > 100);
}

/** A final answer that this message may get; `statuses` holds those above 100, retransmissions included. */
function judge({ acceptStatus, kind, parse, expect: why }: TortureCase, statuses: readonly number[]): void {
  if (typeof acceptStatus === 'string') {
    expect(statuses, why).toEqual([]);
    return;
  }
  expect(statuses.length, `${why}: an answer`).toBeGreaterThan(0);
  for (const status of statuses) {
    const accepted = !COMPLAINTS.has(status) && (acceptStatus.length === 0 || kind === 'valid' || parse === 'either');
    expect(accepted || acceptStatus.includes(status), `${status}, but: ${why}`).toBe(true);
  }
}

/** The gateway is alive, has made no call of it, and still answers an allowed customer. */
async function expectUnharmed(): Promise<void> {
  expect(gateway.running, gateway.tail()).toBe(true);
  const metrics = await gateway.metrics();
  expect(metrics.sum('trunkline_calls_active')).toBe(0);
  expect(metrics.sum('trunkline_sip_internal_errors_total'), gateway.tail()).toBe(0);
  const peer = createSocket('udp4');
  try {
    expect(statusesIn(await askUdp(peer, (port) => optionsRequest(port)))).toEqual([200]);
  } finally {
    peer.close();
  }
}

const optionsRequest = (port: number): Buffer =>
  Buffer.from(
    [
      `OPTIONS sip:127.0.0.1:${gateway.sipPort} SIP/2.0`,
      `Via: SIP/2.0/UDP 127.0.0.1:${port};branch=z9hG4bKalive${port}`,
      `From: <sip:test@127.0.0.1:${port}>;tag=alive`,
      `To: <sip:127.0.0.1:${gateway.sipPort}>`,
      `Call-ID: alive-${port}`,
      'CSeq: 1 OPTIONS',
      'Max-Forwards: 70',
      'Content-Length: 0',
      '\r\n',
    ].join('\r\n'),
  );

/** Sends one datagram and gives what came back, until a final answer and a silence after it. */
async function askUdp(socket: UdpSocket, message: (port: number) => Buffer, waitMs = ANSWER_MS): Promise<string> {
  let got = '';
  socket.on('message', (bytes) => {
    got += bytes.toString('latin1');
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  socket.send(message(socket.address().port), gateway.sipPort, '127.0.0.1');
  await eventually('an answer', () => statusesIn(got).length > 0, waitMs).catch(() => undefined);
  if (statusesIn(got).length > 0) await pause(SILENCE_MS);
  return got;
}

interface StreamOutcome {
  readonly text: string;
  readonly closed: boolean;
}

/** Sends it on a connection of its own, and gives what came back until a silence or the connection's end. */
async function askTcp(message: (port: number) => Buffer, waitMs = ANSWER_MS): Promise<StreamOutcome> {
  const socket = connect(gateway.sipPort, '127.0.0.1');
  await once(socket, 'connect');
  let text = '';
  let closed = false;
  socket.on('data', (bytes: Buffer) => {
    text += bytes.toString('latin1');
  });
  socket.on('error', () => {});
  socket.on('close', () => {
    closed = true;
  });
  socket.write(message(socket.localPort!));
  await eventually('an answer', () => closed || statusesIn(text).length > 0, waitMs).catch(() => undefined);
  await pause(SILENCE_MS);
  socket.destroy();
  return { text, closed };
}

const silent = ({ acceptStatus }: TortureCase): boolean => typeof acceptStatus === 'string';

describe('torture messages over UDP', () => {
  beforeAll(async () => {
    gateway = await start();
  });
  afterAll(async () => void (await gateway.stop()));

  it.concurrent.each(CASES)('$name ($rfc, $rfcSection)', async (message) => {
    const socket = createSocket('udp4');
    const waitMs = silent(message) ? 2 * SILENCE_MS : ANSWER_MS;
    const text = await askUdp(socket, (port) => withSender(message.bytes, 'UDP', port), waitMs);
    socket.close();
    judge(message, statusesIn(text));
    if (message.name === 'dblreq.dat') expect(statusesIn(text), 'the rest of the datagram is dropped').toHaveLength(1);
  });

  it('have harmed nothing', expectUnharmed);
});

/** Without Content-Length, which a stream must have (RFC 3261 §20.14), the end of a message cannot be told. */
const UNBOUNDED_ON_A_STREAM = 'inv2543.dat';
/** What a stream makes of two of them: they end before they are whole, so more is awaited (RFC 3261 §18.3). */
const INCOMPLETE_ON_A_STREAM = new Set(['clerr.dat', 'baddn.dat']);
/** After these no frame boundary can be trusted: answered, and the connection closed (RFC 4475 §3.1.2.3, §3.3.9). */
const ENDS_THE_STREAM = new Set(['ncl.dat', 'mcl01.dat']);

describe('torture messages over TCP', () => {
  beforeAll(async () => {
    gateway = await start();
  });
  afterAll(async () => void (await gateway.stop()));

  it.concurrent.each(CASES)('$name ($rfc, $rfcSection)', async (message) => {
    const incomplete = INCOMPLETE_ON_A_STREAM.has(message.name);
    const waitMs = silent(message) || incomplete ? 2 * SILENCE_MS : ANSWER_MS;
    const { text, closed } = await askTcp((port) => withSender(message.bytes, 'TCP', port), waitMs);
    if (incomplete) {
      expect({ statuses: statusesIn(text), closed }, message.expect).toEqual({ statuses: [], closed: false });
      return;
    }
    if (message.name === 'dblreq.dat') {
      expect(statusesIn(text), 'REGISTER, then the INVITE behind it').toHaveLength(2);
      expect(message.acceptStatus).toContain(statusesIn(text)[0]);
      return;
    }
    judge(message.name === UNBOUNDED_ON_A_STREAM ? { ...message, acceptStatus: [400] } : message, statusesIn(text));
    if (ENDS_THE_STREAM.has(message.name)) expect(closed, 'the connection is closed').toBe(true);
  });

  it('have harmed nothing', expectUnharmed);
});

describe('torture messages from a source nobody knows', () => {
  it('are answered no more than refusals, and make no call', async () => {
    const port = await freePort();
    gateway = await startGateway({
      carriers: [carrier([9])],
      voiceConnectors: [connector({ termination: { cidrAllowedList: ['192.0.2.0/24'] } })],
    });
    const socket = createSocket('udp4');
    let got = '';
    socket.on('message', (bytes) => {
      got += bytes.toString('latin1');
    });
    socket.bind(port, '127.0.0.1');
    await once(socket, 'listening');
    for (const { bytes } of CASES) socket.send(withSender(bytes, 'UDP', port), gateway.sipPort, '127.0.0.1');
    await pause(1000);
    socket.close();
    expect(statusesIn(got).every((status) => status >= 400)).toBe(true);
    expect(gateway.running).toBe(true);
    expect((await gateway.metrics()).sum('trunkline_calls_active')).toBe(0);
    expect(gateway.records()).toEqual([]);
  });
});
