import dgram from 'node:dgram';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import type { MediaEngine, MediaEvent, MediaSession } from '../../src/rtp/index.js';
import { freePorts } from '../support/ports.js';
import { eventually } from '../support/program.js';
import { rtpPacket, type UdpPeer, udpPeer } from '../tools/udp-peer.js';

const formats = [{ payloadType: 0, encoding: 'PCMU', clockRateHz: 8000 }];

/** Pairs of local and remote port of the machine's connected UDP sockets. */
function connections(): string[] {
  return ['/proc/net/udp', '/proc/net/udp6'].flatMap((table) =>
    readFileSync(table, 'latin1')
      .split('\n')
      .flatMap((line) => {
        const [, local, remote] = /:\s+[0-9A-F]+:([0-9A-F]{4}) [0-9A-F]+:([0-9A-F]{4})/.exec(line) ?? [];
        return remote && remote !== '0000' ? [`${parseInt(local!, 16)} ${parseInt(remote, 16)}`] : [];
      }),
  );
}

/** An engine on that address and those ports, without quarantine. */
export type MakeEngine = (address: string, ports: { first: number; last: number }) => MediaEngine;

interface Call {
  readonly session: MediaSession;
  readonly events: MediaEvent[];
  readonly customer: UdpPeer;
  readonly remote: UdpPeer;
}

/** A call of two peers; all of it ends with the test. */
export async function call(makeEngine: MakeEngine, address: string): Promise<Call> {
  const first = await freePorts(4);
  const engine = makeEngine(address, { first, last: first + 3 });
  await engine.start();
  onTestFinished(() => engine.stop());
  const events: MediaEvent[] = [];
  const session = await engine.open({ id: 'connected', timeoutSeconds: 60, onEvent: (event) => events.push(event) });
  const [customer, remote] = [await peer(address), await peer(address)];
  describeAt(session, 'customer', customer);
  describeAt(session, 'remote', remote);
  return { session, events, customer, remote };
}

async function peer(address: string, port = 0): Promise<UdpPeer> {
  const opened = await udpPeer(address, port);
  onTestFinished(() => opened.close().catch(() => {}));
  return opened;
}

function describeAt(session: MediaSession, side: 'customer' | 'remote', { address, port }: UdpPeer): void {
  session.describe(side, { address, rtpPort: port, direction: 'sendrecv', formats });
}

/** Packets numbered from `from` on, 5 ms apart. */
async function speak(from: UdpPeer, port: number, first: number, count: number): Promise<void> {
  for (let sequence = first; sequence < first + count; sequence++) {
    from.send(rtpPacket({ sequence, timestamp: 160 * sequence, ssrc: from.port }), port);
    await pause(5);
  }
}

const numbers = ({ got }: UdpPeer): number[] => got.map(({ data }) => data.readUInt16BE(2));
const range = (from: number, count: number): number[] => Array.from({ length: count }, (_, at) => from + at);

/**
 * What holds of an engine that gives a leg a second, connected socket once its source has settled.
 *
 * @param address    what the engine listens on
 * @param elsewhere  where strangers are
 */
export function connectedSockets(makeEngine: MakeEngine, address: string, elsewhere: string): void {
  it('has a socket connected to it, and loses and reorders nothing on the way there', async () => {
    const { session, customer, remote } = await call(makeEngine, address);
    await speak(customer, session.customer.rtpPort, 0, 200);
    await remote.received(200);
    expect(connections()).toContain(`${session.customer.rtpPort} ${customer.port}`);
    expect(numbers(remote)).toEqual(range(0, 200));
    expect((await session.close()).customer.received).toMatchObject({ packets: 200, lost: 0, reordered: 0 });
    expect(connections()).not.toContain(`${session.customer.rtpPort} ${customer.port}`);
  });

  it('keeps the order of bursts that come while it is being connected', async () => {
    const { session, customer, remote } = await call(makeEngine, address);
    const send = (sequence: number) =>
      customer.send(rtpPacket({ sequence, timestamp: 160 * sequence }), session.customer.rtpPort);
    for (let burst = 0; burst < 60; burst++) {
      for (const at of range(40 * burst, 40)) send(at);
      await remote.received(40 * (burst + 1));
    }
    await pause(50);
    for (const at of range(2400, 40)) send(at);
    await remote.received(2440);
    expect(numbers(remote)).toEqual(range(0, 2440));
  });

  it('still counts strangers, tells of them, and answers them nothing', async () => {
    const { session, events, customer, remote } = await call(makeEngine, address);
    await settled({ session, customer });
    const before = numbers(remote).length;
    const stranger = await peer(elsewhere);
    const refused = dgram.createSocket(address.includes(':') ? 'udp6' : 'udp4');
    onTestFinished(() => void refused.close());
    refused.connect(session.customer.rtpPort, address);
    await once(refused, 'connect');
    const answers: Error[] = [];
    refused.on('error', (error) => answers.push(error));
    for (let sequence = 0; sequence < 30; sequence++) {
      stranger.send(rtpPacket({ sequence, timestamp: 1, ssrc: 9 }), session.customer.rtpPort, address);
      refused.send(rtpPacket({ sequence, timestamp: 1, ssrc: 10 }));
      await pause(2);
    }
    await eventually('all refused', async () => (await session.read(false)).customer.received.dropped.source === 60);
    await speak(customer, session.customer.rtpPort, 1000, 20);
    await remote.received(before + 20);
    expect(numbers(remote).slice(before)).toEqual(range(1000, 20));
    expect(events.filter(({ kind }) => kind === 'source-refused')).toHaveLength(2);
    expect([stranger.got, answers]).toEqual([[], []]);
  });

  it('counts what is no RTP by its reason, an empty datagram too, and goes on', async () => {
    const { session, customer, remote } = await call(makeEngine, address);
    await settled({ session, customer });
    const before = numbers(remote).length;
    const stun = Buffer.from('000100002112a442000000000000000000000000', 'hex');
    for (const foreign of [Buffer.alloc(0), Buffer.alloc(0), Buffer.alloc(300, 0xff), stun])
      customer.send(foreign, session.customer.rtpPort, address);
    await speak(customer, session.customer.rtpPort, 1000, 20);
    await remote.received(before + 20);
    expect(numbers(remote).slice(before)).toEqual(range(1000, 20));
    expect((await session.read(false)).customer.received.dropped).toMatchObject({ 'not-rtp': 3, stun: 1 });
  });

  it('is taken from its new place after a description, and no more from the old one', async () => {
    const { session, customer, remote } = await call(makeEngine, address);
    await settled({ session, customer });
    const before = numbers(remote).length;
    const moved = await peer(address);
    describeAt(session, 'customer', moved);
    await speak(moved, session.customer.rtpPort, 2000, 20);
    await speak(customer, session.customer.rtpPort, 3000, 20);
    await eventually('a socket connected to the new place', () =>
      connections().includes(`${session.customer.rtpPort} ${moved.port}`),
    );
    await speak(moved, session.customer.rtpPort, 2020, 200);
    await speak(customer, session.customer.rtpPort, 3020, 20);
    await remote.received(before + 220);
    await eventually(
      'the old place refused',
      async () => (await session.read(false)).customer.received.dropped.source === 40,
    );
    expect(numbers(remote).slice(before)).toEqual(range(2000, 220));
  });

  it('hears a peer again whose socket was closed meanwhile', async () => {
    const { session, customer, remote } = await call(makeEngine, address);
    await settled({ session, customer });
    const [port, before] = [customer.port, numbers(remote).length];
    await customer.close();
    await speak(remote, session.remote.rtpPort, 0, 100);
    const back = await peer(address, port);
    await Promise.all([
      speak(back, session.customer.rtpPort, 4000, 50),
      speak(remote, session.remote.rtpPort, 100, 50),
    ]);
    await remote.received(before + 50);
    expect(numbers(remote).slice(before)).toEqual(range(4000, 50));
    // The first may still have met the error that the closed socket had caused.
    await eventually('what was sent since', () => numbers(back).length >= 49);
    expect(numbers(back)).toEqual(range(150 - numbers(back).length, numbers(back).length));
  });
}

/** Speaks until the customer's leg has a connected socket, and until what comes by it is trusted. */
export async function settled({ session, customer }: Pick<Call, 'session' | 'customer'>): Promise<void> {
  const connected = () => connections().includes(`${session.customer.rtpPort} ${customer.port}`);
  for (let sequence = 0; !connected(); sequence += 10) await speak(customer, session.customer.rtpPort, sequence, 10);
  // A tick of a session is 25 to 250 ms.
  await pause(300);
}
