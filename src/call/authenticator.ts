import type { AuthenticationFacts, RequestFacts } from '../routing/index.js';
import type { HeaderRow, SipRequest } from '../sip/index.js';
import type { Policy } from './policy.js';

/** Digest for customers: whose users, which challenge. */
export class Authenticator {
  readonly #policy: Policy;

  constructor(policy: Policy) {
    this.#policy = policy;
  }

  judge(_request: SipRequest, facts: RequestFacts): AuthenticationFacts {
    this.#policy.usersFor(facts);
    return { state: 'none' };
  }

  challenge(_address: string, _stale: boolean): HeaderRow[] {
    return [];
  }
}
