import type { CarrierConfig, CarrierHostConfig } from '../config/index.js';
import { type GatewayError, hexToken, type Random, type Scheduler, type Timer, unit } from '../core/index.js';
import { escapeUser, type SignalingEngine, type SipResponse } from '../sip/index.js';
import { authorityOf, locationOf, uriOf } from './health-prober.js';
import type { NodeEvent } from './node-events.js';

/**
 * Registration with carriers that ask for it (RFC 3261 §10.2): one binding per carrier, at the first of its hosts that
 * takes it, refreshed when half its time is over and taken back at the end.
 *
 *     trying ──200──► registered ──half of Expires──► trying
 *        │ host fails: the next host; all failed: failed ──30 s, doubling to 300 s──► trying
 *        └ 423: with Min-Expires (§10.3), once
 */
export interface RegistrationView {
  readonly carrier: string;
  readonly state: 'trying' | 'registered' | 'failed';
  /** Host that holds or was last asked for the binding. */
  readonly host: string;
  /** Why it failed last; empty when it did not. */
  readonly reason: string;
  /** Seconds the carrier granted. */
  readonly expiresSeconds: number | undefined;
}

export interface RegistrarParts {
  readonly signaling: SignalingEngine;
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly connectTimeoutMs: number;
  readonly announce: (event: NodeEvent) => void;
}

const ANSWER_MS = 8000;
const FIRST_PAUSE_MS = 30_000;
const LONGEST_PAUSE_MS = 300_000;
/** No interval longer than this is asked for, whatever a 423 says: a week. */
const LONGEST_SECONDS = 604_800;

/** Every registration of the node. */
export class Registrar {
  readonly #parts: RegistrarParts;
  readonly #running = new Map<string, Registration>();

  constructor(parts: RegistrarParts) {
    this.#parts = parts;
  }

  /** Registers with exactly these carriers from now on; one that changed is registered anew, one that went unregistered. */
  configure(carriers: readonly CarrierConfig[]): void {
    const wanted = new Map(
      carriers.filter((one) => one.registration && one.credentials && !one.disabled).map((one) => [one.name, one]),
    );
    for (const [name, registration] of this.#running) {
      if (registration.fits(wanted.get(name))) continue;
      void registration.stop();
      this.#running.delete(name);
    }
    for (const [name, carrier] of wanted) {
      if (!this.#running.has(name)) this.#running.set(name, new Registration(carrier, this.#parts));
    }
  }

  views(): RegistrationView[] {
    return [...this.#running.values()].map((registration) => registration.view());
  }

  /** Takes every binding back; resolves when all carriers have answered or had time to. */
  async stop(): Promise<void> {
    const running = [...this.#running.values()];
    this.#running.clear();
    await Promise.all(running.map((registration) => registration.stop()));
  }
}

class Registration {
  readonly #carrier: CarrierConfig;
  readonly #parts: RegistrarParts;
  readonly #hosts: readonly CarrierHostConfig[];
  readonly #callId: string;
  #sequence = 0;
  #at = 0;
  #failedInRow = 0;
  #expires: number;
  #granted: number | undefined;
  #state: RegistrationView['state'] = 'trying';
  #reason = '';
  #timer: Timer | undefined;
  #stopped = false;

  constructor(carrier: CarrierConfig, parts: RegistrarParts) {
    this.#carrier = carrier;
    this.#parts = parts;
    this.#hosts = [...carrier.hosts].sort((a, b) => a.priority - b.priority);
    this.#callId = `${hexToken(parts.random)}@trunkline`;
    this.#expires = carrier.registrationSeconds;
    this.#timer = parts.scheduler.after(0, () => this.#register());
  }

  fits(carrier: CarrierConfig | undefined): boolean {
    const facts = (one: CarrierConfig) =>
      JSON.stringify([one.hosts, one.credentials, one.realm, one.registrationSeconds]);
    return carrier !== undefined && facts(carrier) === facts(this.#carrier);
  }

  view(): RegistrationView {
    const { name } = this.#carrier;
    const host = authorityOf(this.#host);
    return { carrier: name, state: this.#state, host, reason: this.#reason, expiresSeconds: this.#granted };
  }

  stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    if (this.#granted === undefined) return Promise.resolve();
    return new Promise((resolve) => this.#send(0, () => resolve()));
  }

  get #host(): CarrierHostConfig {
    return this.#hosts[this.#at % this.#hosts.length]!;
  }

  /** @param raised with the interval that a 423 has asked for: another one is a failure */
  #register(raised = false): void {
    this.#send(this.#expires, (outcome) => {
      if (!this.#stopped) this.#heard(outcome, raised);
    });
  }

  /** Binds our contact for so long; 0 takes the binding back (RFC 3261 §10.2.2). */
  #send(expires: number, done: (outcome: SipResponse | GatewayError) => void): void {
    const { signaling, connectTimeoutMs } = this.#parts;
    const { realm } = this.#carrier;
    const { username, password } = this.#carrier.credentials!;
    const host = this.#host;
    const record = `<sip:${escapeUser(username)}@${authorityOf(host)}>`;
    // Each challenge makes the engine send the request again with the next number, so ours rise by more (§10.2).
    this.#sequence += 4;
    const order = {
      method: 'REGISTER',
      requestUri: uriOf(host),
      nextHop: locationOf(host),
      from: record,
      to: record,
      headers: [['Expires', String(expires)]] as const,
      contact: { user: escapeUser(username), params: `;expires=${expires}` },
      credentials: { username, password, ...(realm !== undefined && { realm }) },
      callId: this.#callId,
      sequence: this.#sequence,
      timeoutMs: expires === 0 ? 1000 : ANSWER_MS,
      connectTimeoutMs,
    };
    signaling.request(order, done);
  }

  #heard(outcome: SipResponse | GatewayError, raised: boolean): void {
    if (!('status' in outcome)) return this.#failed(outcome.code);
    if (outcome.status >= 200 && outcome.status < 300) return this.#bound(outcome);
    const least = Number.parseInt(outcome.headers.get('Min-Expires') ?? '', 10);
    if (outcome.status === 423 && !raised && least > this.#expires && least <= LONGEST_SECONDS) {
      this.#expires = least;
      return this.#register(true);
    }
    this.#failed(String(outcome.status), outcome.reason);
  }

  #bound(response: SipResponse): void {
    const granted = Math.min(grantedSeconds(response) ?? this.#expires, this.#expires);
    const isNews = this.#state !== 'registered';
    this.#state = 'registered';
    this.#granted = granted;
    this.#reason = '';
    this.#failedInRow = 0;
    if (isNews) this.#announce('registered', `${authorityOf(this.#host)} for ${granted} s`);
    this.#again(Math.max(1000, granted * 500 * (0.9 + unit(this.#parts.random) / 10)));
  }

  /** @param wire the carrier's own words */
  #failed(reason: string, wire = ''): void {
    const isNews = this.#state !== 'failed';
    this.#failedInRow++;
    this.#reason = `${reason} ${wire}`.trimEnd();
    this.#granted = undefined;
    this.#at++;
    if (this.#failedInRow % this.#hosts.length !== 0) {
      if (this.#state === 'registered') this.#state = 'trying';
      return this.#register();
    }
    this.#state = 'failed';
    if (isNews) this.#announce('registration-failed', reason, wire);
    const rounds = this.#failedInRow / this.#hosts.length;
    this.#again(Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(rounds - 1, 4)));
  }

  #again(delayMs: number): void {
    this.#timer = this.#parts.scheduler.after(delayMs, () => this.#register());
  }

  #announce(kind: 'registered' | 'registration-failed', reason: string, wire = ''): void {
    this.#parts.announce({ kind, carrier: this.#carrier.name, reason, ...(wire !== '' && { wire }) });
  }
}

/** Seconds of our binding: the Contact's expires parameter, else Expires (RFC 3261 §10.2.4). */
function grantedSeconds(response: SipResponse): number | undefined {
  const text = /;\s*expires\s*=\s*(\d+)/i.exec(response.headers.get('Contact') ?? '')?.[1];
  const seconds = Number.parseInt(text ?? response.headers.get('Expires') ?? '', 10);
  return seconds > 0 ? seconds : undefined;
}
