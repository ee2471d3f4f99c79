import { GatewayError } from '../../core/index.js';
import type { HeaderRow } from '../signaling.js';
import type { ClientTransaction, ClientUser } from '../transaction/index.js';
import type { Flow, ResolvedTarget } from '../transport/flow.js';
import type { DialogContext } from './context.js';

/** A connection for a CANCEL may take this long. */
const CONNECT_MS = 5000;

/**
 * A CANCEL of ours (RFC 3261 §9.1). Whatever answers it changes nothing. It goes where its INVITE went, over another
 * connection if that one is lost, and once more when it was lost with its connection: a phone must not ring on.
 */
export class Cancel implements ClientUser {
  readonly #context: DialogContext;
  readonly #invite: ClientTransaction;
  readonly #target: ResolvedTarget;
  readonly #rows: readonly HeaderRow[];
  #sentAgain = false;

  constructor(context: DialogContext, invite: ClientTransaction, target: ResolvedTarget, rows: readonly HeaderRow[]) {
    this.#context = context;
    this.#invite = invite;
    this.#target = target;
    this.#rows = rows;
  }

  /** Sends it; does nothing when the INVITE has a final response. */
  send(): void {
    const { flow } = this.#invite;
    if (!flow.closed) this.#sendOn(flow);
    else this.#context.wire.open(this.#target, CONNECT_MS, (result) => this.#opened(result));
  }

  onResponse(): void {}

  onTimeout(): void {}

  onTransportError(): void {
    if (this.#sentAgain) return;
    this.#sentAgain = true;
    this.send();
  }

  #opened(result: Flow | GatewayError): void {
    if (result instanceof GatewayError) this.#context.counters.add('sip_send_errors', 'cancel');
    else this.#context.turn(() => this.#sendOn(result));
  }

  #sendOn(flow: Flow): void {
    const invite = this.#invite;
    const request = invite.terminated ? undefined : invite.buildCancel(this.#rows);
    if (request) this.#context.layer.send(request, invite.branch, flow, this);
  }
}
