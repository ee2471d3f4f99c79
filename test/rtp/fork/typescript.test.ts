import { SeededRandom, silentLogger, systemScheduler } from '../../../src/core/index.js';
import { TypescriptEngine } from '../../../src/rtp/index.js';
import { freePorts } from '../../support/ports.js';
import { forkConformance, tellsIpv6 } from './conformance.js';

async function started(workers: number, address = '127.0.0.1') {
  const first = await freePorts(80);
  const engine = new TypescriptEngine({
    listen: [address],
    ports: { first, last: first + 79 },
    workers,
    quarantineSeconds: 0,
    scheduler: systemScheduler,
    random: new SeededRandom(21),
    logger: silentLogger,
  });
  await engine.start();
  return { engine, end: () => engine.stop() };
}

forkConformance('typescript, in its own thread', () => started(1));
forkConformance('typescript, in the calling thread', () => started(0));
tellsIpv6('typescript', () => started(1, '::1'));
