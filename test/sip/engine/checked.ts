import { DEFAULT_OPTIONS } from '../../../src/sip/dialog/index.js';
import { checkRequest, type Refusal } from '../../../src/sip/engine/request-checks.js';
import type { SipRequest } from '../../../src/sip/message/index.js';
import type { ServerTransaction, TransactionLayer } from '../../../src/sip/transaction/index.js';

/** What the core answers a new request with before anyone looks at it, apart from loops and merged requests. */
export function refusalOf(request: SipRequest): Refusal | undefined {
  const layer = { branches: { isLoop: () => false }, isMerged: () => false } as unknown as TransactionLayer;
  const inside = request.to.tag !== undefined;
  return checkRequest(request, {} as ServerTransaction, inside, { options: DEFAULT_OPTIONS, layer });
}
