import type { Timer } from '../../core/index.js';
import type { SipMessage } from '../../sip/index.js';
import type { AgentDialog } from './agent-dialog.js';
import type { Row } from './compose.js';

/** Session timers as a peer has them (RFC 4028): it refreshes where that is its duty, and hangs up where nobody does. */
export interface SessionWatchUser {
  after(delayMs: number, run: () => void): Timer;
  /** Never refreshes, though it should. */
  readonly lazy: boolean;
  refresh(dialog: AgentDialog): void;
  onSessionExpired(dialog: AgentDialog): void;
}

export class SessionWatch {
  readonly #user: SessionWatchUser;
  readonly #dialog: AgentDialog;
  #seconds = 0;
  #ours = false;
  #timer: Timer | undefined;

  constructor(user: SessionWatchUser, dialog: AgentDialog) {
    this.#user = user;
    this.#dialog = dialog;
  }

  /** Rows of a request of ours that keeps the session going; roles stay as they are. */
  get requestRows(): readonly Row[] {
    if (this.#seconds === 0) return [];
    return [['Session-Expires', `${this.#seconds};refresher=${this.#ours ? 'uac' : 'uas'}`]];
  }

  /** A 2xx told the terms, or that there are none. @param asked true when the request was ours */
  settle(message: SipMessage, asked: boolean): void {
    this.stop();
    if (this.#dialog.state !== 'confirmed') return;
    const value = message.headers.get('Session-Expires');
    this.#seconds = value === undefined ? 0 : Number.parseInt(value, 10);
    if (value === undefined) return;
    this.#ours = value.includes('refresher=uac') === asked;
    if (!this.#ours)
      this.#timer = this.#user.after(this.#seconds * 1000, () => this.#user.onSessionExpired(this.#dialog));
    else if (!this.#user.lazy)
      this.#timer = this.#user.after(this.#seconds * 500, () => this.#user.refresh(this.#dialog));
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}

/** Session-Expires of our 2xx to a request that asks for one: its value, its refresher or the one that asks. */
export function sessionAnswer(request: SipMessage): readonly Row[] {
  const asked = request.headers.get('Session-Expires');
  if (asked === undefined || !/timer/.test(request.headers.get('Supported') ?? '')) return [];
  const refresher = /refresher=(uac|uas)/.exec(asked)?.[1] ?? 'uac';
  return [
    ['Session-Expires', `${Number.parseInt(asked, 10)};refresher=${refresher}`],
    ...(refresher === 'uac' ? [['Require', 'timer'] as const] : []),
  ];
}
