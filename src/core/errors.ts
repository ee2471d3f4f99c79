/**
 * One family of errors. A code is stable and documented (docs/codes.md, kept equal by a test); it carries its own
 * verdict: where the fault lies and which SIP status answers it.
 */

/** Where a fault lies: with us, with the peer, or in a broken invariant. */
export type Origin = 'local' | 'remote' | 'internal';

export interface ErrorFacts {
  readonly origin: Origin;
  /** SIP status that answers it, 400–699, where a request is to be answered. */
  readonly sipStatus?: number;
  readonly cause?: unknown;
}

export class GatewayError extends Error {
  readonly code: string;
  readonly origin: Origin;
  readonly sipStatus: number | undefined;

  /** @param code stable dotted name, such as `media.no-port` */
  constructor(code: string, message: string, facts: ErrorFacts) {
    super(message, facts.cause === undefined ? undefined : { cause: facts.cause });
    this.name = 'GatewayError';
    this.code = code;
    this.origin = facts.origin;
    this.sipStatus = facts.sipStatus;
  }
}
