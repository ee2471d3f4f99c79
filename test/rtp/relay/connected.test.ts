import { describe } from 'vitest';
import { SeededRandom, silentLogger, systemScheduler } from '../../../src/core/index.js';
import { TypescriptEngine } from '../../../src/rtp/index.js';
import { connectedSockets, type MakeEngine } from '../connected.js';

const engineWith =
  (workers: number): MakeEngine =>
  (address, ports) =>
    new TypescriptEngine({
      listen: [address],
      ports,
      workers,
      quarantineSeconds: 0,
      scheduler: systemScheduler,
      random: new SeededRandom(5),
      logger: silentLogger,
    });

describe.skipIf(process.platform !== 'linux').each([
  ['127.0.0.1', '127.0.0.9', 0],
  ['127.0.0.1', '127.0.0.9', 1],
  ['::1', '::1', 1],
])('a leg on %s whose source has settled (strangers at %s, %s threads)', (address, elsewhere, workers) => {
  connectedSockets(engineWith(workers), address, elsewhere);
});
