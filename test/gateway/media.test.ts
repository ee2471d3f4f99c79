import { describe, expect, it } from 'vitest';
import { mediaSchema } from '../../src/config/schema/media.js';
import { type Logger, silentLogger } from '../../src/core/index.js';
import { mediaEngine } from '../../src/gateway/media.js';
import { loadNative } from '../../src/rtp/native/index.js';

/** The engine of `settings`, and what was logged as it was chosen. */
function chosen(settings: object, load = loadNative) {
  const lines: { fields: object; message: string }[] = [];
  const note = (fields: object, message: string): void => void lines.push({ fields, message });
  const logger: Logger = { ...silentLogger, warn: note, error: note, child: () => logger };
  return { engine: mediaEngine({ media: mediaSchema.parse(settings) }, logger, load), lines };
}

const REASON = 'not built: run `npm run build:native`';
const notBuilt: typeof loadNative = (onMissing) => {
  onMissing?.(REASON);
  return undefined;
};

describe('the media engine', () => {
  it('auto is the TypeScript one where nothing compiled loads, and that is said once, with the reason', () => {
    const { engine, lines } = chosen({ engine: 'auto' }, notBuilt);
    expect(engine.name).toBe('typescript');
    expect(lines).toEqual([
      {
        fields: { reason: REASON },
        message: 'native media engine not available, the TypeScript engine carries the media',
      },
    ]);
  });

  it('native is never anything else: it is refused where it cannot run', () => {
    expect(() => chosen({ engine: 'native' }, notBuilt)).toThrow(
      expect.objectContaining({ code: 'media.engine-unavailable', message: expect.stringContaining(REASON) }),
    );
  });

  it.skipIf(!loadNative())('auto is the compiled one where it loads, and nothing is said', () => {
    const { engine, lines } = chosen({});
    expect([engine.name, lines]).toEqual(['native', []]);
  });

  it.skipIf(!loadNative())('threads are not pinned to a processor that is not there', () => {
    expect(() => chosen({ engine: 'native', threads: [0, 1023] })).toThrow(/processor 1023/);
  });

  it.each(['typescript', 'rtpengine'] as const)('%s is what is named, whatever loads', (name) => {
    const daemons = name === 'rtpengine' ? { rtpengine: ['udp://127.0.0.1:22222'] } : {};
    expect(chosen({ engine: name, ...daemons }, notBuilt).engine.name).toBe(name);
  });
});
