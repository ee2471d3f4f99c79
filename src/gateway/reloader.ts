import { setImmediate as otherWork } from 'node:timers/promises';
import { type Difference, differences, type GatewayConfig, type LoadOutcome } from '../config/index.js';
import type { Logger } from '../core/index.js';
import { type Catalogue, ResourceError } from '../store/index.js';
import { LIVE_PATHS } from './settings.js';

/**
 * Reloads, one after the other, each in whole: read and validate beside signalling, compare, put in force, note.
 *
 *     SIGHUP ─┐        load (a thread) ─► differences ─► certificates ─► catalogue.declare ─► audit, log
 *     API ────┴► turn ─┴─ faults: nothing changes
 *
 * A change over the API meanwhile comes before or after `declare` in the catalogue's own order, and is kept either way.
 */
export interface ReloaderParts {
  /** In force at the start. */
  readonly config: GatewayConfig;
  /** Path of the file, as audit lines and conflicts name it. */
  readonly file: string;
  /** Reads the file again; absent: there is none. The signal ends it. */
  readonly load: ((signal: AbortSignal) => Promise<LoadOutcome>) | undefined;
  readonly catalogue: Pick<Catalogue, 'declare' | 'note'>;
  /** Reads certificates again, those that the configuration names. Throws, and changes nothing, where it cannot. */
  readonly renewCertificates: (config: GatewayConfig) => void;
  readonly logger: Logger;
}

export class Reloader {
  readonly #parts: ReloaderParts;
  readonly #ending = new AbortController();
  #declared: GatewayConfig;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(parts: ReloaderParts) {
    this.#parts = parts;
    this.#declared = parts.config;
  }

  /**
   * Takes what the file says now, whole or not at all; running calls are untouched.
   * @param who SIGHUP, or the access key, for the audit line
   * @throws ResourceError with every fault of the file; where it clashes with what the API made; once stopped
   */
  reload(who: string): Promise<readonly Difference[]> {
    const turn = this.#turn.then(() => this.#reload(who));
    this.#turn = turn.catch(() => {});
    return turn;
  }

  /** Ends the reading of a file under way; what is being put in force is, to its end. None is begun afterwards. */
  async stop(): Promise<void> {
    this.#ending.abort();
    await this.#turn;
  }

  async #reload(who: string): Promise<readonly Difference[]> {
    const { catalogue, file, logger, renewCertificates } = this.#parts;
    const next = await this.#load();
    // What came while the last slices of a large file were taken in goes first.
    await otherWork();
    const changes = next === this.#declared ? [] : differences(this.#declared, next);
    renewCertificates(next);
    if (next !== this.#declared) await catalogue.declare(next, file).catch((error: unknown) => this.#takeBack(error));
    this.#declared = next;
    await catalogue.note(who, 'reload', file, changes);
    for (const change of changes) logger.info({ change: change.change, path: change.path }, 'configuration changed');
    const waiting = changes.map(({ path }) => path).filter((path) => !LIVE_PATHS.test(path));
    if (waiting.length > 0) logger.warn({ paths: waiting }, 'changes that need a restart are not in force');
    return changes;
  }

  /** The certificates of the file that stays in force. */
  #takeBack(error: unknown): never {
    this.#parts.renewCertificates(this.#declared);
    throw error;
  }

  async #load(): Promise<GatewayConfig> {
    const { load } = this.#parts;
    if (!load) throw new ResourceError('conflict', 'The gateway runs without a configuration file');
    if (this.#ending.signal.aborted) throw STOPPING();
    const outcome = await load(this.#ending.signal).catch((error: unknown) => {
      throw this.#ending.signal.aborted ? STOPPING() : error;
    });
    if (this.#ending.signal.aborted) throw STOPPING();
    if (outcome.ok) return outcome.config;
    const told = outcome.faults.map(({ path, message }) => `${path}: ${message}`).join('; ');
    throw new ResourceError('invalid', told, outcome.faults);
  }
}

const STOPPING = () => new ResourceError('conflict', 'The gateway is being stopped');
