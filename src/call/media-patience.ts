import { GatewayError, type Logger, type Scheduler } from '../core/index.js';
import type { BridgeReading, MediaBridge } from './media-bridge.js';

/** A media engine answers within this, or is held to have failed: a call must begin and end without it too. */
export const MEDIA_PATIENCE_MS = 5000;

/** Closes a call's media. An engine that fails at it, or does not answer, costs the last figures and nothing else. */
export function closePatiently(
  media: MediaBridge,
  scheduler: Scheduler,
  logger: Logger,
): Promise<BridgeReading | undefined> {
  return new Promise((resolve) => {
    const failed = (error: unknown): void => {
      logger.error({ err: error }, 'media not closed cleanly');
      resolve(undefined);
    };
    const timer = scheduler.after(MEDIA_PATIENCE_MS, () => failed(mediaSilent()));
    media
      .close()
      .then(resolve, failed)
      .finally(() => timer.cancel());
  });
}

export const mediaSilent = (): GatewayError =>
  new GatewayError('media.failed', 'The media engine did not answer', { origin: 'internal', sipStatus: 503 });
