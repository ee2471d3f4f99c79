/**
 * Routing's words: what a request is judged by, and what comes out. Everything here is plain data; the functions over
 * it are pure: (request facts, configuration snapshot, live view, random) → Decision, the same for the same inputs.
 */

export type Verdict = 'pass' | 'fail' | 'skip' | 'note';

/** One check of a decision: what was looked at, what came out. Kept with the call, shown by API and dry run. */
export interface TraceStep {
  /** Check name, such as `termination.allowlist`. */
  readonly check: string;
  readonly verdict: Verdict;
  /** Stable documented code where the check failed or is of note, such as `termination.source-denied`. */
  readonly code?: string;
  /** What the check looked at: plain JSON values, no secrets. */
  readonly input: Readonly<Record<string, unknown>>;
  /** One plain sentence. */
  readonly detail: string;
}

export type SipProtocol = 'UDP' | 'TCP' | 'TLS';

/** What is known of a request when it is judged. Numbers and hosts as plain (UTF-8) text. */
export interface RequestFacts {
  readonly method: string;
  /** Request-URI: scheme, user (unescaped; the number of a tel: URI), host (lower case). */
  readonly requestUri: {
    readonly scheme: string;
    readonly user: string;
    readonly host: string;
    readonly port: number | undefined;
  };
  readonly toHost: string;
  /** Unescaped user of To: the called number where a carrier calls the contact we registered. */
  readonly toUser?: string;
  /** Calling number candidates, unescaped URI users. */
  readonly fromUser: string;
  readonly assertedUser: string | undefined;
  readonly source: {
    readonly address: string;
    readonly port: number;
    readonly protocol: 'UDP' | 'TCP' | 'TLS' | 'WS' | 'WSS';
  };
  readonly tlsServerName: string | undefined;
  readonly tlsPeerNames: readonly string[];
  /** Our own addresses and ports, to tell "R-URI host is one of ours". */
  readonly localAddresses: readonly string[];
  /** Profile of the offer: `none` without a body (late offer), `RTP/AVP`, `RTP/SAVP`, `both`, or `unusable` (no audio). */
  readonly offer: 'none' | 'RTP/AVP' | 'RTP/SAVP' | 'both' | 'unusable';
  /** Outcome of digest: no header, right for this user, wrong, nonce old, or banned. Set by the call layer's authenticator. */
  readonly authentication: AuthenticationFacts;
}

export type AuthenticationFacts =
  | { readonly state: 'none' }
  | { readonly state: 'valid'; readonly username: string }
  | { readonly state: 'stale' | 'invalid' | 'replayed' }
  | { readonly state: 'banned' };

/** Live numbers a decision reads; taking is done by the call layer after admission. */
export interface LiveView {
  readonly draining: boolean;
  readonly overloaded: boolean;
  readonly mediaPortsFree: number;
  /** Whole calls the connector's or carrier's token bucket has now. */
  callTokens(kind: 'connector' | 'carrier', id: string): number;
  activeCalls(kind: 'connector' | 'carrier', id: string): number;
  targetState(targetKey: string): TargetState;
  /** Monotonic ms, to tell a Retry-After from `retryAtMs`; absent: one is drawn. */
  readonly nowMs?: number;
  /** Unix epoch ms, for the expiry of proxy sessions; absent: none has expired. */
  readonly wallMs?: number;
  /** Traffic of a connector to a country, for the fraud brakes; absent: they see none. */
  countryTraffic?(voiceConnectorId: string, country: string): CountryTraffic;
}

/** What a connector has sent to one destination country. */
export interface CountryTraffic {
  /** Calls begun in the running hour. */
  readonly attempts: number;
  /** Minutes talked in the running hour. */
  readonly minutes: number;
  readonly activeCalls: number;
  /** Held after a cap was reached, until released. */
  readonly held: boolean;
}

export interface TargetState {
  readonly state: 'up' | 'down' | 'half-open';
  /** Monotonic ms until which a 503 Retry-After keeps it out; undefined when not kept out. */
  readonly retryAtMs?: number;
}

/** One target of a plan, in the order to try. */
export interface PlannedAttempt {
  /** Stable key of the target: `carrier:main/192.0.2.1:5060/UDP`, `route:<vcId>/10.0.0.1:5060/TCP`. */
  readonly targetKey: string;
  readonly kind: 'carrier' | 'route';
  /** Carrier name, or voiceConnectorId. */
  readonly owner: string;
  readonly host: string;
  readonly port: number | undefined;
  readonly protocol: SipProtocol;
  /** Number to dial there, in that target's format. */
  readonly calledNumber: string;
  /** Number presented as caller there. */
  readonly callingNumber: string;
  readonly callerIdIn: readonly ('From' | 'P-Asserted-Identity')[];
  readonly encryption: 'off' | 'offered' | 'required';
  readonly credentials?: { readonly username: string; readonly password: string; readonly realm?: string } | undefined;
  /** Header rows to add, such as X-VoiceConnector-ID. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Header fields that do not pass to this target: names, or prefixes that end in `*`. Absent: none beside the rules. */
  readonly removeHeaders?: readonly string[];
  readonly noResponseTimeoutMs: number;
  readonly connectTimeoutMs: number;
  readonly ringTimeoutSeconds: number;
  readonly failover: FailoverRules;
}

/** When the next attempt may follow (design §4). */
export interface FailoverRules {
  /** Final statuses that move on to the next attempt, beside no response and transport errors. */
  readonly statuses: ReadonlySet<number>;
  /** Move on even after 180/183 has reached the caller. */
  readonly afterRinging: boolean;
}

export interface Admission {
  readonly kind: 'admit';
  readonly direction: 'Inbound' | 'Outbound';
  readonly voiceConnectorId: string;
  /** E.164 */
  readonly callingNumber: string;
  readonly calledNumber: string;
  readonly emergency: boolean;
  /** Never empty. */
  readonly plan: readonly PlannedAttempt[];
  readonly encryptionOfCaller: 'off' | 'offered' | 'required';
  /** CIDR blocks that bound the media sources of each side; absent: none were configured. */
  readonly mediaSources: { readonly customer?: readonly string[]; readonly remote?: readonly string[] };
  /** CIDR blocks that each side may signal from: the connector's allowlist, its carriers' sources. */
  readonly allowedSources?: { readonly customer: readonly string[]; readonly remote: readonly string[] };
  readonly trace: readonly TraceStep[];
}

export interface Refusal {
  readonly kind: 'refuse';
  readonly direction: 'Inbound' | 'Outbound' | undefined;
  readonly voiceConnectorId: string | undefined;
  readonly callingNumber: string;
  readonly calledNumber: string;
  /** SIP status, or `drop` to stay silent. */
  readonly status: number | 'drop';
  /** Reason phrase and explanation for the operator. */
  readonly reason: string;
  /** Stable code, such as `termination.cps-exceeded`. */
  readonly code: string;
  readonly retryAfterSeconds?: number;
  /** Warning code (RFC 3261 §20.43), such as 304. */
  readonly warning?: number;
  /** Present with 401: challenge anew; `stale` when only the nonce was old. */
  readonly challenge?: { readonly stale: boolean };
  readonly trace: readonly TraceStep[];
}

export type Decision = Admission | Refusal;
