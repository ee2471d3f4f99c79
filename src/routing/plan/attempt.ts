import type { PlannedAttempt } from '../types.js';
import type { Target } from './targets.js';

/**
 * The attempt of one call on a target: the two numbers, and the target that every call shares. A decision makes up to
 * ten of these, of which mostly one is tried; so the members are read through to the target instead of being copied.
 */
export class Attempt implements PlannedAttempt {
  readonly calledNumber: string;
  readonly callingNumber: string;
  readonly #target: Target;

  constructor(target: Target, calledNumber: string, callingNumber: string) {
    this.#target = target;
    this.calledNumber = calledNumber;
    this.callingNumber = callingNumber;
  }

  get targetKey() {
    return this.#target.targetKey;
  }

  get kind() {
    return this.#target.kind;
  }

  get owner() {
    return this.#target.owner;
  }

  get host() {
    return this.#target.host;
  }

  get port() {
    return this.#target.port;
  }

  get protocol() {
    return this.#target.protocol;
  }

  get callerIdIn() {
    return this.#target.callerIdIn;
  }

  get encryption() {
    return this.#target.encryption;
  }

  get credentials() {
    return this.#target.credentials;
  }

  get headers() {
    return this.#target.headers;
  }

  get removeHeaders() {
    return this.#target.removeHeaders ?? NO_HEADERS;
  }

  get noResponseTimeoutMs() {
    return this.#target.noResponseTimeoutMs;
  }

  get connectTimeoutMs() {
    return this.#target.connectTimeoutMs;
  }

  get ringTimeoutSeconds() {
    return this.#target.ringTimeoutSeconds;
  }

  get failover() {
    return this.#target.failover;
  }

  get sources() {
    return this.#target.sources;
  }

  get mediaSources() {
    return this.#target.mediaSources;
  }

  /** As a plain object: what JSON shows. */
  toJSON(): PlannedAttempt {
    const { calledNumber, callingNumber } = this;
    const { sources: _, mediaSources: __, ...target } = this.#target;
    return { ...target, calledNumber, callingNumber };
  }
}

const NO_HEADERS: readonly string[] = [];
