import { describe, expect, it } from 'vitest';
import { SeededRandom, silentLogger, systemScheduler } from '../../../src/core/index.js';
import { FORK, FORK_FLAG } from '../../../src/rtp/fork/index.js';
import { loadNative, NativeEngine } from '../../../src/rtp/native/index.js';
import { freePorts } from '../../support/ports.js';
import { forkConformance, tellsIpv6 } from './conformance.js';

const binding = loadNative();

async function started(raw: boolean, address = '127.0.0.1') {
  const first = await freePorts(80);
  const engine = new NativeEngine({
    binding: binding!,
    raw,
    listen: [address],
    ports: { first, last: first + 79 },
    quarantineSeconds: 0,
    scheduler: systemScheduler,
    random: new SeededRandom(22),
    logger: silentLogger,
  });
  await engine.start();
  return { engine, end: () => engine.stop() };
}

if (binding) {
  forkConformance('native, sending by a raw socket where it may', () => started(true));
  forkConformance('native, sending by each leg’s socket', () => started(false));
  tellsIpv6('native', () => started(true, '::1'));
}

describe.skipIf(!binding)('layout of a fork in the compiled path', () => {
  it('is that of fork/layout.ts', () => {
    expect(binding!.forkLayout()).toEqual({ ...FORK, ...FORK_FLAG });
  });
});
