import type { CaptureOrder, CaptureResult, RegistrationView, TerminationHealth } from '../../call/index.js';
import type { Difference } from '../../config/index.js';
import type { Random } from '../../core/index.js';
import type { Decision, RequestFacts } from '../../routing/index.js';
import type { Catalogue, MakeDigests } from '../../store/index.js';
import type { CallBook } from '../call-book.js';

/** What the API reaches of the running gateway; the composition puts it together. */
export interface Management {
  readonly catalogue: Catalogue;
  readonly makeDigests: MakeDigests;
  readonly random: Random;
  readonly wallMs: () => number;
  readonly calls: CallBook;
  /** A decision with the live numbers, taking nothing. */
  readonly decide: (facts: RequestFacts) => Decision;
  readonly newConnectorId: () => string;
  readonly health: () => HealthView;
  readonly ready: () => { readonly ready: boolean; readonly status: string };
  /** Ends a hold, for good once it resolves; false where there is none. */
  readonly releaseHold: (who: string, voiceConnectorId: string, country: string) => Promise<boolean>;
  /** @throws ResourceError with every fault; nothing is changed then */
  readonly reload: (who: string) => Promise<readonly Difference[]>;
  readonly drain: () => void;
  /** Writes a running call's packets to a file. @throws GatewayError `capture.*`, `media.fork-*` */
  readonly capture: (transactionId: string, order: CaptureOrder) => Promise<CaptureResult>;
  /** Places a test call by a plan and tells how far it came. */
  readonly testCall: (decision: Decision) => Promise<TestCallResult>;
}

export interface HealthView {
  readonly status: 'ok' | 'draining' | 'overloaded';
  readonly callsActive: number;
  readonly targets: readonly object[];
  readonly registrations: readonly RegistrationView[];
  readonly terminationHealth: Readonly<Record<string, TerminationHealth>>;
  readonly bans: readonly object[];
  readonly fraudHolds: readonly { readonly voiceConnectorId: string; readonly country: string }[];
}

export interface TestCallResult {
  readonly target: string;
  readonly answered: boolean;
  /** Final status; undefined when nothing answered. */
  readonly status: number | undefined;
  readonly reason: string;
  readonly tookMs: number;
  /** Every target tried, in order; the last is the one above. */
  readonly attempts: readonly Omit<TestCallResult, 'attempts'>[];
}
