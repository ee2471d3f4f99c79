import { availableParallelism, cpus as processors } from 'node:os';
import type { GatewayConfig } from '../config/index.js';
import { GatewayError, type Logger, SystemRandom, systemScheduler } from '../core/index.js';
import { type MediaEngine, TypescriptEngine } from '../rtp/index.js';
import { loadNative, NativeEngine } from '../rtp/native/index.js';
import { RtpengineEngine } from '../rtp/rtpengine/index.js';

/**
 * The engine the configuration names; `auto` takes the compiled one where it loads.
 * @throws GatewayError `media.engine-unavailable` where `native` is named and cannot run
 */
export function mediaEngine(
  config: Pick<GatewayConfig, 'media'>,
  logger: Logger,
  load: typeof loadNative = loadNative,
): MediaEngine {
  const { media } = config;
  const options = {
    listen: media.listen,
    ...(media.advertise && { advertise: media.advertise }),
    ports: { first: media.ports.low, last: media.ports.high },
    quarantineSeconds: media.quarantineSeconds,
    scheduler: systemScheduler,
    random: new SystemRandom(),
    logger,
  };
  if (media.engine === 'typescript') return new TypescriptEngine(options);
  if (media.engine === 'rtpengine') {
    const digits = media.rtpengineDigits;
    const { rtpengine: daemons, rtpengineSources: sources } = media;
    return new RtpengineEngine({ ...options, daemons, sources, ...(digits && { digits }) });
  }
  let missing = '';
  const binding = load((reason) => {
    missing = reason;
  });
  if (binding) return new NativeEngine({ ...options, ...threads(media.threads), binding });
  if (media.engine === 'native') throw unavailable('native', missing);
  logger.warn({ reason: missing }, 'native media engine not available, the TypeScript engine carries the media');
  return new TypescriptEngine(options);
}

/** How many packet threads there are, and the processors they are pinned to. */
function threads(wanted: GatewayConfig['media']['threads']): { workers: number; cpus?: readonly number[] } {
  if (wanted === 'auto') return { workers: availableParallelism() };
  if (typeof wanted === 'number') return { workers: wanted };
  const missing = wanted.find((processor) => processor >= processors().length);
  if (missing !== undefined)
    throw unavailable('native', `media.threads names processor ${missing}, which is not there`);
  return { workers: wanted.length, cpus: wanted };
}

const unavailable = (engine: string, reason: string): GatewayError =>
  new GatewayError('media.engine-unavailable', `Media engine ${engine} cannot run here: ${reason}`, {
    origin: 'local',
  });
