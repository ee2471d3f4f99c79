import { type Check, pass, refuse } from '../judgement.js';

/** The source is in cidrAllowedList; an empty list admits nothing unless credentials are set (design §4). */
export const allowlistCheck: Check = {
  name: 'termination.allowlist',
  run({ connector, facts, source, snapshot }) {
    const { allowed, usernames } = connector!.termination!;
    const input = { source: facts.source.address };
    if (allowed.has(source)) return pass('The source is in the allowed list.', input);
    if (allowed.empty && usernames.size > 0) return pass('No allowed list: credentials decide.', input);
    const status = snapshot.unknownSource === 'drop' ? 'drop' : 403;
    return refuse('termination.source-denied', status, 'Source address is not allowed for this Voice Connector', input);
  },
};
