import type { Scheduler } from '../../core/index.js';
import type { HeaderRow, MessageBody } from '../signaling.js';
import type { ResolvedTarget } from '../transport/flow.js';

/**
 * Requests too large for UDP (RFC 3261 §18.1.1): TCP to the same address and port is tried first, then UDP all the
 * same. A peer that takes no TCP connection is remembered for ten minutes, so that only one call waits for it.
 *
 *     targets [udp A, udp B] ──larger than the limit──► [tcp A, udp A, tcp B, udp B]
 */
export class LargeRequests {
  readonly #scheduler: Scheduler;
  readonly #limitBytes: number;
  readonly #withoutTcpUntilMs = new Map<string, number>();

  /** @param limitBytes largest request sent over UDP without trying TCP; 0: UDP whatever the size */
  constructor(scheduler: Scheduler, limitBytes: number) {
    this.#scheduler = scheduler;
    this.#limitBytes = limitBytes;
  }

  /** The targets to try for a request of about that size, in order. */
  targetsFor(targets: readonly ResolvedTarget[], sizeBytes: number): readonly ResolvedTarget[] {
    if (this.#limitBytes === 0 || sizeBytes <= this.#limitBytes) return targets;
    return targets.flatMap((target) =>
      target.transport === 'udp' && this.#mayTakeTcp(target)
        ? [{ transport: 'tcp' as const, address: target.address, port: target.port }, target]
        : [target],
    );
  }

  /** A TCP connection could not be had. */
  refused(target: ResolvedTarget): void {
    if (target.transport !== 'tcp') return;
    if (this.#withoutTcpUntilMs.size >= MOST_REMEMBERED) this.#withoutTcpUntilMs.clear();
    this.#withoutTcpUntilMs.set(keyOf(target), this.#scheduler.nowMs() + REMEMBERED_MS);
  }

  #mayTakeTcp(target: ResolvedTarget): boolean {
    return (this.#withoutTcpUntilMs.get(keyOf(target)) ?? 0) <= this.#scheduler.nowMs();
  }
}

const REMEMBERED_MS = 600_000;
const MOST_REMEMBERED = 10_000;
/** Start line, Via, Call-ID, CSeq, Contact and the other rows that the core writes itself. */
const OWN_ROWS_BYTES = 520;

const keyOf = ({ address, port }: ResolvedTarget): string => `${address} ${port}`;

/** About how many bytes a request will have: within some tens, which the limit leaves room for. */
export function estimateBytes(order: {
  readonly requestUri: string;
  readonly from: string;
  readonly to: string;
  readonly headers: readonly HeaderRow[];
  readonly body?: MessageBody;
}): number {
  let bytes = OWN_ROWS_BYTES + order.requestUri.length + order.from.length + order.to.length;
  for (const [name, value] of order.headers) bytes += name.length + value.length + 4;
  return bytes + (order.body?.bytes.length ?? 0);
}
