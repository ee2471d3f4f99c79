import { SeededRandom, silentLogger, systemScheduler } from '../../../src/core/index.js';
import { RtpengineEngine } from '../../../src/rtp/rtpengine/index.js';
import { hasCommand } from '../../support/program.js';
import { startRtpengine } from '../../support/rtpengine.js';
import { type Capability, conformance } from '../conformance.js';

async function start() {
  const daemon = await startRtpengine(300);
  const engine = new RtpengineEngine({
    daemons: [{ host: '127.0.0.1', port: daemon.port }],
    scheduler: systemScheduler,
    random: new SeededRandom(14),
    logger: silentLogger,
  });
  await engine.start();
  return { engine, end: () => engine.stop().then(() => daemon.kill()) };
}

/** What the daemon does not do, or does not tell; src/rtp/rtpengine/README.md says why. */
const lacks: readonly Capability[] = [
  'udptl',
  'dtmf-events',
  'refused-events',
  'rtcp-passes-unread',
  'measures',
  'strict-latching',
  'drop-reasons',
  'srtp',
];

if (hasCommand('rtpengine')) conformance('rtpengine', { start, lacks });
