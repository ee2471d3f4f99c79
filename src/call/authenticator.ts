import type { AuthenticationConfig } from '../config/index.js';
import { type Counters, hexToken, type Random, randomBytes, type Scheduler } from '../core/index.js';
import type { AuthenticationFacts, RequestFacts } from '../routing/index.js';
import {
  Bans,
  DEFAULT_BANS,
  DEFAULT_NONCES,
  DigestVerifier,
  type HeaderRow,
  Nonces,
  type SipRequest,
} from '../sip/index.js';
import type { Policy } from './policy.js';

/** Digest for customers: whose users a request is judged against, and the challenge. The realm is the domain. */
export class Authenticator {
  readonly #policy: Policy;
  readonly #realm: string;
  readonly #verifier: DigestVerifier;
  readonly #bans: Bans;

  constructor(
    policy: Policy,
    parts: { scheduler: Scheduler; random: Random; counters: Counters; settings: AuthenticationConfig },
  ) {
    const { scheduler, random, counters, settings } = parts;
    this.#policy = policy;
    this.#realm = policy.config.domain;
    this.#bans = new Bans(scheduler, {
      ...DEFAULT_BANS,
      failures: settings.banFailures,
      windowMs: settings.banWindowSeconds * 1000,
      banMs: settings.banSeconds * 1000,
    });
    this.#verifier = new DigestVerifier({
      nonces: new Nonces(scheduler, random, randomBytes(random, 32), {
        ...DEFAULT_NONCES,
        lifetimeMs: settings.nonceSeconds * 1000,
      }),
      bans: this.#bans,
      counters,
      algorithms: settings.algorithms,
      dummySecret: hexToken(random),
    });
  }

  /** What the request's credentials are worth; `none` where the connector has no users. A banned source stays banned. */
  judge(request: SipRequest, facts: RequestFacts): AuthenticationFacts {
    const source = facts.source.address;
    if (this.#bans.isBanned(source)) return { state: 'banned' };
    const users = this.#policy.usersFor(facts);
    if (!users) return { state: 'none' };
    const lookup = (username: string) => users.get(username);
    return this.#verifier.verify({ request, source, realm: this.#realm, role: 'server', lookup });
  }

  challenge(source: string, stale: boolean): HeaderRow[] {
    return this.#verifier.challenge(source, this.#realm, 'server', stale);
  }

  /** Sources shut out now. */
  bans(): ReturnType<Bans['debugView']> {
    return this.#bans.debugView();
  }
}
