import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SeededRandom, silentLogger, systemScheduler } from '../../../src/core/index.js';
import { type Bencoded, decodeBencode, encodeBencode } from '../../../src/rtp/rtpengine/bencode.js';
import { RtpengineEngine } from '../../../src/rtp/rtpengine/index.js';
import { eventually, needs } from '../../support/program.js';
import { startRtpengine } from '../../support/rtpengine.js';

describe('bencoding', () => {
  it('decodes what it encodes', () => {
    const { value } = fc.letrec<{ value: Bencoded }>((tie) => ({
      value: fc.oneof(
        { depthSize: 'small' },
        fc.integer(),
        fc.string({ unit: 'binary-ascii' }),
        fc.array(tie('value')),
        fc.dictionary(fc.string({ unit: 'binary-ascii' }), tie('value')),
      ),
    }));
    fc.assert(
      fc.property(value, (one) => {
        expect(decodeBencode(encodeBencode(one))).toEqual(one);
      }),
    );
  });

  it.each(['', 'i', 'i1', 'ie', '5:abc', 'l', 'd1:a', 'di1ei2ee', 'i1ei2e', '-1:'])('gives nothing for %j', (text) =>
    expect(decodeBencode(text)).toBeUndefined(),
  );

  it('gives nothing for endless nesting', () => {
    expect(decodeBencode('l'.repeat(100_000))).toBeUndefined();
  });

  it('never throws', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'dlie:0123456789abc-') }), (text) => {
        decodeBencode(text);
      }),
    );
  });
});

const order = { id: 'x', timeoutSeconds: 60, onEvent: () => {} };

const engineOver = (daemons: { host: string; port: number; weight?: number }[]) =>
  new RtpengineEngine({ daemons, scheduler: systemScheduler, random: new SeededRandom(4), logger: silentLogger });

describe('a pool of daemons', () => {
  it('shares sessions by weight, and goes on with the one that is left', async (context) => {
    needs(context, 'rtpengine');
    const [light, heavy] = [await startRtpengine(100), await startRtpengine(100)];
    const engine = engineOver([
      { host: '127.0.0.1', port: light.port, weight: 1 },
      { host: '127.0.0.1', port: heavy.port, weight: 3 },
    ]);
    await engine.start();
    expect(engine.portsFree).toBeGreaterThan(0);
    const sessions = await Promise.all(Array.from({ length: 40 }, () => engine.open(order)));
    expect(engine.health()).toMatchObject({ sessions: 40, portsInUse: 160 });
    await heavy.kill();
    const after = await engine.open(order);
    expect(after.customer.rtpPort).toBeGreaterThan(0);
    const startMs = performance.now();
    await engine.open(order);
    expect(performance.now() - startMs).toBeLessThan(1000);
    await light.kill();
    await expect(engine.open(order)).rejects.toMatchObject({ code: 'media.no-port' });
    await eventually('no ports', () => engine.portsFree === 0);
    expect((await sessions[0]!.close()).customer.received.packets).toBe(0);
    await engine.stop();
    expect(engine.health().sessions).toBe(0);
  });

  it('starts with none up, and has no ports then', async (context) => {
    needs(context, 'rtpengine');
    const engine = engineOver([{ host: '127.0.0.1', port: 9 }]);
    await engine.start();
    expect(engine.portsFree).toBe(0);
    await engine.stop();
  });
});
