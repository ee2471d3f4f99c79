import { GatewayError, type Logger, type Random, type Scheduler } from '../../core/index.js';
import type { EngineHealth, MediaEngine, MediaSession, SessionOrder } from '../engine.js';
import { type Digit, DigitListener } from './digit-listener.js';
import { REFUSED } from './figures.js';
import type { NgAddress } from './ng-client.js';
import { type Daemon, type DaemonOptions, DaemonPool } from './pool.js';
import { RtpengineSession } from './session.js';
import type { SourcePolicy } from './sources.js';

export interface RtpengineEngineOptions {
  readonly daemons: readonly DaemonOptions[];
  /** Where daemons tell digits (their `--dtmf-log-dest`); absent: digits pass and are not told. */
  readonly digits?: NgAddress;
  /** Whom daemons hear on a leg; default `described`. */
  readonly sources?: SourcePolicy;
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly logger: Logger;
}

const PORTS_PER_SESSION = 4;

/**
 * The media engine whose packets are carried by rtpengine daemons elsewhere, spoken to by their NG protocol.
 *
 *     call ── MediaEngine ──► session ── offer, answer, query, delete ──► one daemon of the pool
 */
export class RtpengineEngine implements MediaEngine {
  readonly name = 'rtpengine';
  readonly #options: RtpengineEngineOptions;
  readonly #pool: DaemonPool;
  readonly #digits: DigitListener | undefined;
  /** By the daemon's name of the call. */
  readonly #sessions = new Map<string, RtpengineSession>();
  /** Refused by the daemons in sessions that are over. */
  #refused = 0;

  constructor(options: RtpengineEngineOptions) {
    const { daemons, digits, scheduler, random, logger } = options;
    this.#options = options;
    this.#digits = digits && new DigitListener(digits, (digit) => this.#digit(digit));
    this.#pool = new DaemonPool(daemons, scheduler, random, logger);
  }

  async start(): Promise<void> {
    await this.#digits?.open();
    await this.#pool.start();
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#sessions.values()].map((session) => session.close()));
    this.#pool.stop();
    this.#digits?.close();
  }

  async open(order: SessionOrder): Promise<MediaSession> {
    let cause: unknown;
    for (const daemon of this.#pool.order()) {
      const session = this.#sessionAt(daemon, order);
      try {
        await session.open();
        this.#sessions.set(session.callId, session);
        daemon.sessions++;
        return session;
      } catch (error) {
        cause = error;
        this.#fault(daemon, error);
      }
    }
    throw new GatewayError('media.no-port', 'No rtpengine daemon gave media ports.', {
      origin: 'local',
      sipStatus: 503,
      ...(cause !== undefined && { cause }),
    });
  }

  /** Refused packets are those of the last query of each session. */
  health(): EngineHealth {
    const refused = [...this.#sessions.values()].reduce((sum, session) => sum + session.refused, this.#refused);
    return {
      sessions: this.#sessions.size,
      portsInUse: PORTS_PER_SESSION * this.#sessions.size,
      portsQuarantined: 0,
      portsFree: this.portsFree,
      dropped: refused > 0 ? { [REFUSED]: refused } : {},
    };
  }

  /** As the daemons told at their last ping. */
  get portsFree(): number {
    return this.#pool.daemons.reduce((sum, { up, portsFree }) => sum + (up ? portsFree : 0), 0);
  }

  #sessionAt(daemon: Daemon, order: SessionOrder): RtpengineSession {
    const { scheduler, random, sources = 'described' } = this.#options;
    const session: RtpengineSession = new RtpengineSession({
      order,
      daemon,
      callId: `${order.id}-${random.uint32().toString(36)}${random.uint32().toString(36)}`,
      sources,
      scheduler,
      onClosed: () => {
        if (!this.#sessions.delete(session.callId)) return;
        daemon.sessions--;
        this.#refused += session.refused;
      },
      onFault: (error) => this.#fault(daemon, error),
    });
    return session;
  }

  #digit({ callId, side, event, durationMs }: Digit): void {
    this.#sessions.get(callId)?.digit(side, event, durationMs);
  }

  #fault(daemon: Daemon, error: unknown): void {
    if (error instanceof GatewayError && error.code === 'media.rtpengine-silent') this.#pool.failed(daemon);
    this.#options.logger.warn({ err: error, daemon: daemon.name }, 'rtpengine did not do as it was told');
  }
}
