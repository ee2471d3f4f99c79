import type { Logger, Scheduler, Timer } from '../core/index.js';
import type { BridgeReading } from './media-bridge.js';

export interface IntervalReportParts {
  readonly scheduler: Scheduler;
  readonly logger: Logger;
  readonly intervalMs: number;
  /** Asked when an interval is over, and again when its figures have come: false while there is nothing to report. */
  readonly wanted: () => boolean;
  readonly read: () => Promise<BridgeReading>;
  readonly report: (reading: BridgeReading) => void;
}

/** Reads the media figures of a call once each interval. */
export class IntervalReports {
  readonly #parts: IntervalReportParts;
  #timer: Timer | undefined;

  constructor(parts: IntervalReportParts) {
    this.#parts = parts;
  }

  start(): void {
    const { scheduler, intervalMs, wanted } = this.#parts;
    this.#timer = scheduler.after(intervalMs, () => {
      this.start();
      if (wanted()) void this.#report();
    });
  }

  stop(): void {
    this.#timer?.cancel();
  }

  async #report(): Promise<void> {
    const { read, wanted, report, logger } = this.#parts;
    try {
      const reading = await read();
      if (wanted()) report(reading);
    } catch (error) {
      logger.error({ err: error }, 'media figures not read');
    }
  }
}
