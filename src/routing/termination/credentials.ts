import { type Check, type CheckResult, type Judgement, pass, refuse, skip } from '../judgement.js';

/** Digest, where any credentials are set. The figures were checked by the call layer; here the outcome decides. */
export const credentialsCheck: Check = {
  name: 'termination.credentials',
  run(judgement) {
    const { authentication } = judgement.facts;
    if (authentication.state === 'banned') {
      return refuse('termination.source-banned', 403, 'Too many failed authentications from this source', {
        state: 'banned',
      });
    }
    if (judgement.connector!.termination!.usernames.size === 0) return NOT_SET;
    return outcomeOf(judgement);
  },
};

const NOT_SET = skip('No credentials are set.');

function outcomeOf({ facts, connector }: Judgement): CheckResult {
  const { authentication } = facts;
  const input = { state: authentication.state };
  if (authentication.state === 'valid') {
    const { username } = authentication;
    if (connector!.termination!.usernames.has(username)) return pass('Authenticated.', { state: 'valid', username });
    return challenge('termination.credentials-invalid', 'Unknown user', { state: 'valid', username });
  }
  if (authentication.state === 'none')
    return challenge('termination.credentials-missing', 'Authentication required', input);
  if (authentication.state === 'stale')
    return challenge('termination.credentials-stale', 'Nonce is stale', input, true);
  if (authentication.state === 'replayed')
    return challenge('termination.credentials-replayed', 'Nonce count was used before', input);
  return challenge('termination.credentials-invalid', 'Wrong user or password', input);
}

const challenge = (
  code: string,
  detail: string,
  input: Readonly<Record<string, unknown>>,
  stale = false,
): CheckResult => refuse(code, 401, 'Unauthorized', input, { detail, challenge: { stale } });
