import type { Counters, Logger, Random, Scheduler } from '../../core/index.js';
import type { TimerLists, TransactionLayer } from '../transaction/index.js';
import type { Locator, Wire } from '../transport/flow.js';
import type { DialogTable } from './dialog-table.js';
import type { LargeRequests } from './large-requests.js';

/** What the core can be told. */
export interface CoreOptions {
  /** Round-trip estimate (RFC 3261 §17.1.1.1). */
  readonly t1Ms: number;
  readonly t2Ms: number;
  readonly t4Ms: number;
  /** Product text of User-Agent and Server; '' writes neither. */
  readonly userAgent: string;
  /** Methods listed in Allow and accepted. */
  readonly allow: readonly string[];
  /** Option tags that a peer may require of us and that we list in Supported. */
  readonly optionTags: readonly string[];
  /** Session interval asked for on dialogs a peer opens, where it supports timers (RFC 4028); 0 asks for none. */
  readonly sessionIntervalSeconds: number;
  /** Smallest session interval accepted, ≥ 90 (RFC 4028 §5). */
  readonly sessionMinimumSeconds: number;
  /** Refuses in-dialog requests and CANCELs that come from elsewhere than the dialog's peer. */
  readonly bindSources: boolean;
  /** Whether two addresses are known to be one peer's, such as two hosts of one carrier; asked where they differ. */
  readonly isSameParty: (one: string, other: string) => boolean;
  /** New requests beyond this many open server transactions get 503. */
  readonly maxServerTransactions: number;
  /** Largest request sent over UDP without trying TCP first (RFC 3261 §18.1.1); 0: never tries. */
  readonly udpRequestLimitBytes: number;
  /** A provisional response other than 100 is repeated this often, against proxies' timer C (RFC 3261 §13.3.1.1). */
  readonly provisionalRepeatMs: number;
}

export const DEFAULT_OPTIONS: CoreOptions = {
  t1Ms: 500,
  t2Ms: 4000,
  t4Ms: 5000,
  userAgent: '',
  allow: ['INVITE', 'ACK', 'CANCEL', 'BYE', 'OPTIONS', 'PRACK', 'UPDATE', 'INFO', 'MESSAGE', 'REFER', 'NOTIFY'],
  optionTags: ['100rel', 'timer'],
  sessionIntervalSeconds: 1800,
  sessionMinimumSeconds: 90,
  bindSources: true,
  isSameParty: () => false,
  maxServerTransactions: 200_000,
  udpRequestLimitBytes: 1300,
  provisionalRepeatMs: 60_000,
};

/** What legs and dialogs lean on; the core provides it. */
export interface DialogContext {
  readonly layer: TransactionLayer;
  readonly wire: Wire;
  readonly locator: Locator;
  readonly largeRequests: LargeRequests;
  readonly scheduler: Scheduler;
  readonly timers: TimerLists;
  readonly random: Random;
  readonly logger: Logger;
  readonly counters: Counters;
  readonly options: CoreOptions;
  readonly dialogs: DialogTable;
  /** Runs the task after the current event, in the same turn where there is one. */
  defer(task: () => void): void;
  /** Runs what an answer from outside (location, connection, scheduler) leads to; what it throws is dealt with. */
  turn(task: () => void): void;
}
