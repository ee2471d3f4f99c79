import type { PeerTransport } from '../topology.js';

/** What one simulated call will be: drawn from its seed before it starts, plain data, printed when something goes wrong. */
export interface CallShape {
  readonly number: number;
  readonly startMs: number;
  /** As the gateway sees it: from a customer to a carrier, or the other way. */
  readonly direction: 'outbound' | 'inbound';
  /** Somebody nobody vouches for. */
  readonly stranger: boolean;
  /** Address of the host that calls. */
  readonly from: string;
  readonly calledNumber: string;
  /** Connector whose host name is called; outbound calls only. */
  readonly connectorId: string;
  readonly callerNumber: string;
  readonly caller: CallerScript;
  /** The callee by attempt; the last one stands for all further attempts. */
  readonly callees: readonly CalleeScript[];
}

/** How prompt a duty is done. */
export type Duty = 'prompt' | 'late' | 'never';

/** A sudden end of one side, out of the blue. `die`: silent from now on. `forget`: as after a restart. */
export interface Fate {
  readonly kind: 'die' | 'forget';
  /** After the first message of this side. */
  readonly afterMs: number;
}

export interface SessionWish {
  readonly seconds: number;
  readonly refresher: 'uac' | 'uas' | undefined;
  /** Never refreshes, though it should. */
  readonly lazy: boolean;
}

export interface CallerScript {
  readonly transport: PeerTransport;
  /** A connection of its own, or the one its host has. */
  readonly ownConnection: boolean;
  readonly offer: 'early' | 'late';
  readonly reliable: 'none' | 'supported' | 'required';
  readonly session: SessionWish | undefined;
  readonly allowsUpdate: boolean;
  readonly giveUp: GiveUp | undefined;
  readonly prack: Duty;
  /** ACK of a refusal. */
  readonly refusalAck: Duty;
  readonly manners: Manners;
  readonly talk: readonly TalkAction[];
  readonly fate: Fate | undefined;
}

/** The caller gives up before the answer. */
export interface GiveUp {
  /** CANCEL, or BYE inside the early dialog (RFC 3261 §15). */
  readonly by: 'CANCEL' | 'BYE';
  /** A while after the INVITE; with the first 1xx; with the first 18x; the moment the 2xx comes. */
  readonly on: 'time' | '1xx' | '18x' | '2xx';
  readonly afterMs: number;
  /** Does not wait for a provisional response (RFC 3261 §9.1 forbids it). */
  readonly rude: boolean;
}

export interface CalleeScript {
  /** Silence before the first response. */
  readonly firstMs: number;
  readonly trying: boolean;
  readonly provisionals: readonly Provisional[];
  readonly final: Final;
  readonly cancel: 'comply' | 'answer' | 'ignore' | 'deaf';
  /** How often it asks for credentials, or for a longer session interval, before it goes on. */
  readonly challenges: number;
  readonly challenge: 401 | 407 | 422;
  readonly allowsUpdate: boolean;
  readonly session: SessionWish | undefined;
  /** Repeats in its 2xx the description that a reliable provisional response brought. */
  readonly repeatsDescription: boolean;
  readonly manners: Manners;
  readonly talk: readonly TalkAction[];
  readonly fate: Fate | undefined;
}

export interface Provisional {
  readonly afterMs: number;
  readonly status: 180 | 181 | 182 | 183;
  /** Which fork speaks: each has a To tag of its own. */
  readonly fork: number;
  readonly described: boolean;
  readonly reliable: boolean;
}

export type Final =
  | { readonly kind: 'answer'; readonly afterMs: number; readonly fork: number; readonly second: Second | undefined }
  | {
      readonly kind: 'refuse';
      readonly afterMs: number;
      readonly status: number;
      readonly retryAfterSeconds: number | undefined;
    }
  /** Rings for ever. */
  | { readonly kind: 'never' }
  /** Says nothing at all. */
  | { readonly kind: 'silent' };

/** Another fork answers too. */
export interface Second {
  readonly afterMs: number;
  readonly fork: number;
}

/** How one side answers what the other asks inside the dialog. */
export interface Manners {
  readonly reinvite: 'accept' | 'slow' | 'refuse' | 'busy' | 'trying' | 'silent';
  readonly update: 'accept' | 'refuse' | 'silent';
  readonly other: 'accept' | 'refuse' | 'silent';
  readonly bye: 'accept' | 'silent';
  /** ACK of a 2xx. */
  readonly ack: Duty;
  /** ACK of a late offer without the answer. */
  readonly forgetsAnswer: boolean;
  /** What it says of its session cannot be used. */
  readonly garbles: boolean;
}

export type TalkKind =
  | 'hold'
  | 'resume'
  | 'codec'
  | 'late-reinvite'
  | 'cancelled-reinvite'
  | 'update'
  | 'info'
  | 'message'
  | 'options'
  | 'refer'
  | 'notify'
  | 'bye';

/** Something one side does once the call is answered. */
export interface TalkAction {
  readonly kind: TalkKind;
  /** After the answer. */
  readonly afterMs: number;
}
