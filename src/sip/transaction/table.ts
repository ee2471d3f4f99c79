/**
 * The language of the transaction tables: state → event → next state and actions. Actions are data; the runner
 * (transaction.ts) performs them in order. A cell that is absent means: the event changes nothing and is not an error
 * (a late timer, a retransmission nobody waits for).
 */

/** Timers of RFC 3261 §17 and RFC 6026, by letter. */
export type TimerName = 'A' | 'B' | 'D' | 'E' | 'F' | 'G' | 'H' | 'I' | 'J' | 'K' | 'L' | 'M';

/** How a retransmission timer grows when it is set again. */
export type Growth = 'doubled' | 'doubledToT2' | 'T2';

export type Action =
  | { readonly kind: 'send' | 'resend' | 'sendAck' | 'resendAck' | 'passUp' | 'reportTimeout' | 'reportTransportError' }
  /** Lets go of the messages; what is left only absorbs. */
  | { readonly kind: 'release' }
  | { readonly kind: 'start' | 'stop'; readonly timer: TimerName }
  | { readonly kind: 'restart'; readonly timer: TimerName; readonly growth: Growth };

export interface Row<State extends string> {
  /** Undefined: the state stays. */
  readonly next: State | undefined;
  readonly actions: readonly Action[];
}

export type Table<State extends string, Event extends string> = Readonly<
  Record<State, Readonly<Partial<Record<Event, Row<State>>>>>
>;

export const go = <State extends string>(next: State, actions: readonly Action[] = []): Row<State> => ({
  next,
  actions,
});
export const stay = (actions: readonly Action[]): Row<never> => ({ next: undefined, actions });

/** Sends the message that came with the event. */
export const send: Action = { kind: 'send' };
/** Sends the last message again, byte for byte. */
export const resend: Action = { kind: 'resend' };
/** Builds the ACK for a final response other than 2xx (RFC 3261 §17.1.1.3) and sends it. */
export const sendAck: Action = { kind: 'sendAck' };
export const resendAck: Action = { kind: 'resendAck' };
/** Gives the message to the transaction user. Always last in its row: the user may act on the transaction at once. */
export const passUp: Action = { kind: 'passUp' };
export const reportTimeout: Action = { kind: 'reportTimeout' };
export const reportTransportError: Action = { kind: 'reportTransportError' };
export const release: Action = { kind: 'release' };
export const start = (timer: TimerName): Action => ({ kind: 'start', timer });
export const stop = (timer: TimerName): Action => ({ kind: 'stop', timer });
export const restart = (timer: TimerName, growth: Growth): Action => ({ kind: 'restart', timer, growth });
