import type { PlannedAttempt } from '../routing/index.js';
import { type NameAddress, type SipResponse, SipSyntaxError } from '../sip/index.js';

/** The targets of a plan that are left to try, in order. */
export class RestOfPlan {
  #left: readonly PlannedAttempt[];

  constructor(plan: readonly PlannedAttempt[]) {
    this.#left = plan;
  }

  /** Takes the next target; undefined when all were tried. */
  next(): PlannedAttempt | undefined {
    const [next] = this.#left;
    this.#left = this.#left.slice(1);
    return next;
  }

  /**
   * A 3xx: targets of the plan that it names for the same number go first, the most wanted one before the others
   * (RFC 3261 §8.1.3.4, §20.10). Nothing else that it names is ever called: whoever answers a call must not be able to
   * place another at somebody's cost.
   */
  redirect(response: SipResponse): void {
    const named = contactsOf(response).flatMap((contact) => this.#left.filter((planned) => names(contact, planned)));
    this.#left = [...new Set([...named, ...this.#left])];
  }
}

/** Contacts by their q, 1 where it is not given; none where they cannot be read. */
function contactsOf(response: SipResponse): readonly NameAddress[] {
  try {
    return [...response.contacts].sort((a, b) => wanted(b) - wanted(a));
  } catch (error) {
    if (error instanceof SipSyntaxError) return [];
    throw error;
  }
}

const wanted = (contact: NameAddress): number => Number(contact.params.get('q') ?? 1) || 0;

function names(contact: NameAddress, planned: PlannedAttempt): boolean {
  try {
    const { isSip, host, port, unescapedUser } = contact.sipUri;
    const usual = planned.protocol === 'TLS' ? 5061 : 5060;
    const sameHost = isSip && host === planned.host.toLowerCase() && (port ?? usual) === (planned.port ?? usual);
    return sameHost && unescapedUser === planned.calledNumber;
  } catch (error) {
    if (error instanceof SipSyntaxError) return false;
    throw error;
  }
}
