import { expect, test } from 'vitest';
import { SeededRandom, silentLogger, systemScheduler } from '../../../src/core/index.js';
import { RtpengineEngine } from '../../../src/rtp/rtpengine/index.js';
import { freePort } from '../../support/ports.js';
import { hasCommand } from '../../support/program.js';
import { startRtpengine } from '../../support/rtpengine.js';
import { type Capability, conformance } from '../conformance.js';

async function start() {
  const digits = { host: '127.0.0.1', port: await freePort() };
  const daemon = await startRtpengine(100, [`--dtmf-log-dest=${digits.host}:${digits.port}`]);
  const engine = new RtpengineEngine({
    daemons: [{ host: '127.0.0.1', port: daemon.port }],
    digits,
    scheduler: systemScheduler,
    random: new SeededRandom(14),
    logger: silentLogger,
  });
  await engine.start();
  return { engine, end: () => engine.stop().then(() => daemon.kill()) };
}

/** What the daemon does not do, or does not tell; src/rtp/rtpengine/README.md says more. */
const lacks: Partial<Record<Capability, string>> = {
  'refused-events': 'the daemon counts what it refuses and does not say whose it was',
  'rtcp-of-one-side': 'the daemon tells reports once both sides have sent some',
  measures: 'in user space the daemon counts packets and bytes, and measures nothing',
  'locks-at-once': 'the daemon learns sources for some seconds after each description',
  'allowed-sources': 'the daemon takes no list of sources',
  'drop-reasons': 'the daemon has one counter of errors, and passes what is no RTP',
  'srtp-replay': 'the daemon keeps no replay window',
  renumbers: 'the daemon passes sequence numbers as they are',
  'own-reports': 'the daemon is asked to pass what peers report, and writes no reports of its own',
};

if (hasCommand('rtpengine')) {
  conformance('rtpengine, which learns where a peer is', { start, lacks, locksMs: 5500 });
  conformance('rtpengine, where a peer’s address is known to be true', {
    start,
    lacks: { ...lacks, learns: 'the daemon hears the described address and port alone' },
    describes: { signallingAddress: '127.0.0.1' },
  });
}

test.skipIf(!hasCommand('rtpengine'))('a fork is refused, and the session goes on', async () => {
  const { engine, end } = await start();
  const session = await engine.open({ id: 'f', timeoutSeconds: 60, onEvent: () => {} });
  const order = { side: 'customer', point: 'received', onPackets: () => {} } as const;
  expect(() => session.fork(order)).toThrow(expect.objectContaining({ code: 'media.fork-unsupported' }));
  expect((await session.close()).customer.received.packets).toBe(0);
  await end();
});
