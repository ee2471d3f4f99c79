import { afterEach, describe, expect, it } from 'vitest';
import { SeededRandom, silentLogger, systemScheduler } from '../../../src/core/index.js';
import type { MediaSession, RemoteDescription, Side, SrtpKeys } from '../../../src/rtp/index.js';
import { RtpengineEngine } from '../../../src/rtp/rtpengine/index.js';
import { SrtpContext, SrtpFailure } from '../../../src/rtp/srtp/index.js';
import { eventually, hasCommand, pause } from '../../support/program.js';
import { startRtpengine } from '../../support/rtpengine.js';
import { rtpPacket, type UdpPeer, udpPeer } from '../../tools/udp-peer.js';

/**
 * What the README of the rtpengine engine says of SRTP that the daemon does not do, each seen at the daemon itself: one
 * that learns it fails here, and the conformance suite may then ask it.
 */

const keys = (fill: number): SrtpKeys => ({ suite: 'AES_CM_128_HMAC_SHA1_80', key: Buffer.alloc(30, fill) });
const pair = (fill: number) => ({ receive: keys(fill), send: keys(fill + 1) });
type Pair = ReturnType<typeof pair>;

const packet = (sequence: number): Buffer => rtpPacket({ sequence, timestamp: sequence * 160, ssrc: 7 });

function sealed(context: SrtpContext, plain: Buffer): Buffer {
  const copy = Buffer.concat([plain, Buffer.alloc(20)]);
  return copy.subarray(0, context.seal(copy, plain.length));
}

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

interface Call {
  readonly session: MediaSession;
  readonly peers: Readonly<Record<Side, UdpPeer>>;
  describe(side: Side, srtp?: Pair): Promise<void>;
}

async function call(): Promise<Call> {
  const daemon = await startRtpengine(20);
  ends.push(() => daemon.kill());
  const engine = new RtpengineEngine({
    daemons: [{ host: '127.0.0.1', port: daemon.port }],
    scheduler: systemScheduler,
    random: new SeededRandom(3),
    logger: silentLogger,
  });
  await engine.start();
  ends.push(() => engine.stop());
  const session = await engine.open({ id: 'limits', timeoutSeconds: 60, onEvent: () => {} });
  const peers = { customer: await udpPeer(), remote: await udpPeer() };
  for (const peer of Object.values(peers)) ends.push(() => peer.close());
  const formats = [{ payloadType: 0, encoding: 'PCMU', clockRateHz: 8000 }];
  const tell = async (side: Side, srtp?: Pair): Promise<void> => {
    const there: RemoteDescription = {
      ...{ address: '127.0.0.1', rtpPort: peers[side].port, direction: 'sendrecv', formats },
      ...{ signallingAddress: '127.0.0.1', ...(srtp && { srtp }) },
    };
    session.describe(side, there);
    await session.settled!();
  };
  return { session, peers, describe: tell };
}

describe.skipIf(!hasCommand('rtpengine'))('an rtpengine daemon', () => {
  it('passes an SRTP packet that it had before, from within a window and from long ago', { retry: 2 }, async () => {
    const { session, peers, describe: tell } = await call();
    await tell('customer');
    await tell('remote', pair(1));
    const sealer = new SrtpContext(keys(1));
    const all = Array.from({ length: 200 }, (_, at) => sealed(sealer, packet(at + 1)));
    const again = [all[0]!, ...all, all[199]!, all[150]!, all[100]!, all[0]!];
    for (const [at, each] of again.entries()) {
      peers.remote.send(each, session.remote.rtpPort);
      if (at % 10 === 9) await pause(5);
    }
    await peers.customer.received(again.length);
    const copies = [1, 101, 151, 200, 2].map(
      (sequence) => peers.customer.got.filter(({ data }) => data.equals(packet(sequence))).length,
    );
    expect(copies).toEqual([3, 2, 2, 2, 1]);
  });

  it('seals a repeated packet under the index it had, so that the far end of a sealed leg refuses it', async () => {
    const { session, peers, describe: tell } = await call();
    await tell('customer', pair(5));
    await tell('remote', pair(1));
    const again = sealed(new SrtpContext(keys(1)), packet(1));
    for (const each of [again, again]) peers.remote.send(each, session.remote.rtpPort);
    await peers.customer.received(2);
    const [first, second] = peers.customer.got.map(({ data }) => data);
    expect(second).toEqual(first);
    const far = new SrtpContext(keys(6));
    expect(far.open(first!, first!.length)).toBe(packet(1).length);
    expect(far.open(second!, second!.length)).toBe(SrtpFailure.replay);
  });

  it('keeps the rollover counter of what it seals when the key changes', async () => {
    const { session, peers, describe: tell } = await call();
    await tell('remote');
    await tell('customer', pair(1));
    const send = async (sequence: number): Promise<Buffer> => {
      const before = peers.customer.got.length;
      peers.remote.send(packet(sequence), session.remote.rtpPort);
      await eventually('the packet', () => peers.customer.got.length > before, 3000);
      return peers.customer.got.at(-1)!.data;
    };
    for (const sequence of [65_534, 65_535, 65_536]) await send(sequence);
    await tell('customer', pair(5));
    await pause(50);
    const after = await send(65_537);
    const counting = new SrtpContext(keys(6));
    sealed(counting, packet(65_535));
    expect(after).toEqual(sealed(counting, packet(65_537)));
    expect(new SrtpContext(keys(6)).open(after, after.length)).toBe(SrtpFailure.authentication);
  });
});
