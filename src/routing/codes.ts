/**
 * The stable codes: what a decision, an attempt or a call's end is called in traces, records, metrics and events, each
 * with one sentence of meaning. docs/codes.md is this table, kept equal by a test. A code, once given, keeps its meaning.
 */
export const CODES = {
  // Whose request is it.
  'request.unknown-source':
    'The source matches no Voice Connector and no carrier; answered 403, or in silence where `sip.unknownSource` is `drop`.',
  'request.ambiguous':
    'The source is in the allowed lists of several Voice Connectors and the request names none of them.',

  // Termination: outbound calls.
  'termination.no-such-connector': 'The Request-URI or To host lies under our domain but names no Voice Connector.',
  'termination.not-configured': 'The Voice Connector has no termination settings.',
  'termination.disabled': 'Termination is disabled for the Voice Connector.',
  'termination.tls-required': 'The Voice Connector requires encryption and the request came over clear transport.',
  'termination.srtp-required': 'The Voice Connector requires encryption and the offer is not RTP/SAVP only.',
  'termination.source-denied': 'The source address is not in `cidrAllowedList`.',
  'termination.credentials-missing': 'Credentials are set and the request has none; it is challenged.',
  'termination.credentials-invalid': 'The user is not known to the Voice Connector, or the digest response is wrong.',
  'termination.credentials-stale':
    'The digest is right but its nonce has expired; it is challenged anew with `stale=true`.',
  'termination.credentials-replayed': 'The nonce count of the digest was used before.',
  'termination.source-banned': 'The source has failed to authenticate too often and is banned for a while.',
  'termination.number-incomplete': 'The called number is not E.164, nor a national number the Voice Connector allows.',
  'termination.country-unknown': 'The called number belongs to no country.',
  'termination.country-not-allowed': 'The country of the called number is not in `callingRegions`.',
  'termination.number-blocked': 'The called number begins with one of `blockedPrefixes`.',
  'termination.caller-id-denied':
    'The caller ID is not assigned to the Voice Connector and no default phone number is set.',
  'termination.caller-id-replaced':
    'The caller ID is not assigned to the Voice Connector; the default phone number took its place.',
  'termination.cps-exceeded': 'The Voice Connector has used up its calls per second.',
  'termination.concurrency-exceeded': 'The Voice Connector has as many calls as it may have at once.',
  'termination.no-route': 'No carrier serves the called number.',
  'termination.carriers-down': 'Every carrier host that serves the called number is down.',
  'termination.carriers-full': 'Every carrier that serves the called number is at its own limit of calls.',

  // Fraud brakes.
  'fraud.high-risk-prefix':
    'The called number is in a range of high fraud risk that the Voice Connector does not allow.',
  'fraud.country-held': 'Calls of the Voice Connector to this country are held after a fraud limit, until released.',
  'fraud.attempts-exceeded': 'The Voice Connector has begun too many calls to this country in the hour.',
  'fraud.minutes-exceeded': 'The Voice Connector has talked too many minutes to this country in the hour.',
  'fraud.concurrency-exceeded': 'The Voice Connector has too many calls to this country at once.',
  'fraud.alarm': 'The traffic of the Voice Connector to this country nears a fraud limit.',

  // Emergency calls.
  'emergency.call': 'An emergency call; limits, calling plan and caller ID rules are skipped.',
  'emergency.test-call': 'A call of an emergency test code, to the test number.',
  'emergency.no-route': 'An emergency call, and neither a routing number nor a carrier for its code.',

  // Inbound calls.
  'inbound.number-invalid': 'The called number of a carrier’s call is not a telephone number.',
  'inbound.number-unassigned': 'The called number is assigned to no Voice Connector and no group.',
  'inbound.origination-disabled': 'Origination is disabled for the Voice Connector.',
  'inbound.no-route': 'The Voice Connector or group has no origination route.',
  'inbound.srtp-required': 'The carrier is set to require encryption and its offer is clear RTP.',

  // Proxy phone sessions.
  'proxy.not-a-participant': 'A proxy number was called by somebody who is not in a session on it.',
  'proxy.session-expired': 'The proxy session of the two numbers has expired.',
  'proxy.routed': 'A participant called the proxy number; the other participant is called.',

  // The node.
  'node.draining': 'The node is being taken out of service and takes no new calls.',
  'node.overloaded': 'The node has more work than it can do in time.',

  // One attempt at a target.
  'attempt.answered': 'The target answered the call.',
  'attempt.no-response': 'The target gave no response at all in time.',
  'attempt.ring-timeout': 'The target did not answer within its ring limit.',
  'attempt.timeout': 'The target answered provisionally and gave no final response in time.',
  'attempt.not-located': 'The host name of the target could not be resolved.',
  'attempt.transport': 'The target could not be reached: connection, TLS or network failed.',
  'attempt.rejected': 'The target refused with a final response.',
  'attempt.redirected': 'The target redirected: followed where the plan holds the place, else as if it had refused.',
  'attempt.media': 'The answer of the target could not be used: no common media or encryption.',
  'attempt.limit': 'The carrier of the target has meanwhile reached its own limit of calls.',
  'attempt.superseded': 'The attempt was given up because another one was answered.',
  'attempt.cancelled': 'The attempt was given up because the caller hung up.',
  'attempt.none': 'No target was left to try.',

  // The course and the end of a call.
  'call.admitted': 'The call was admitted; its plan is being tried.',
  'call.hangup': 'One of the parties hung up.',
  'call.cancelled': 'The caller hung up before the answer.',
  'call.rejected': 'Every target was tried, and none took the call.',
  'call.ring-timeout': 'Nobody answered within the ring limit.',
  'call.max-duration': 'The call reached the longest duration allowed.',
  'call.no-ack': 'The answer was never acknowledged (no ACK within 64×T1).',
  'call.no-prack': 'A reliable provisional response was never acknowledged (no PRACK within 64×T1, RFC 3262).',
  'call.session-expired': 'A session timer ran out: the other side is gone (RFC 4028).',
  'call.dialog-failed': 'A request inside the call failed in a way that ends it (RFC 5057).',
  'call.transport': 'The connection of the caller failed before the call was set up.',
  'call.terminated': 'An operator ended the call.',
  'call.internal': 'A broken invariant inside the gateway ended the call.',
  'gateway.crash': 'The node stopped without warning with the call up; its record was completed at restart.',
  'gateway.stopped': 'The node was stopped and the call was still up when the drain time ended.',

  // Media.
  'media.no-port': 'No media port pair is free.',
  'media.timeout': 'A side that should send media was silent for too long.',
  'media.unusable-offer': 'The offer has no audio that can be relayed.',
  'media.unusable-answer': 'The answer does not fit the offer.',
  'media.failed': 'The media engine could not open or change the session.',
  'media.engine-unavailable': 'The media engine that is configured cannot run here.',
  'media.thread-gone': 'The media thread that carried the session has stopped.',
  'media.srtp-required': 'The description has clear RTP where encrypted media is required, or was agreed on before.',
  'media.srtp-unsupported': 'None of the offered SRTP suites or keys can be used.',
  'media.streams-rejected': 'The answer rejects every media stream where encrypted media is required.',
  'media.t38-unencrypted':
    'T.38, which has no encryption, is wanted where encrypted media is required, or was agreed on.',
  'media.fork-unsupported': 'The media engine can not copy packets to this process.',
  'media.fork-limit': 'The session has as many packet copies taken as it may.',
  'media.fork-closed': 'The media session has closed.',
  'media.dtmf-unsupported': 'The media engine that is configured plays no telephone-events.',
  'media.srtp-key': 'An SRTP master key has the wrong length for its suite.',

  'capture.no-call': 'No such call is running, or its media is not open yet.',
  'capture.busy': 'The call is being captured already, or as many calls as may be.',
  'capture.full': 'The directory of captures holds as many files as it may.',
  'capture.failed': 'The capture could not be written.',

  // Digits between telephone-events and SIP INFO.
  'dtmf.malformed': 'An INFO holds no digit that can be read (400).',
  'dtmf.encoded': 'An INFO holds a digit under a Content-Encoding (415).',
  'dtmf.held': 'An INFO brings a digit for a side that is on hold (488).',
  'dtmf.too-many': 'More digits came than can be played or told in time (486 to an INFO).',
  'dtmf.unanswered':
    'A telephone-event came for a side that has no dialog to be told in, or does not list INFO before the answer.',
  'dtmf.info-refused': 'A side refused the INFO that told it a digit, or did not answer it.',

  // Session descriptions.
  'sdp.missing': 'A message that must bring a session description has none.',
  'sdp.malformed': 'A session description cannot be read.',
  'sdp.syntax': 'A line of a session description is malformed.',
  'sdp.too-large': 'A session description is longer than is accepted.',
  'sdp.unsupported-body': 'The body is not a session description and cannot stand for one.',
  'sdp.not-acceptable': 'The session description offers nothing that can be used.',
  'sdp.no-audio': 'The session description has no audio.',
  'sdp.media-count': 'Offer or answer has another number of m= lines than it must (RFC 3264 §5, §6).',
  'sdp.media-type': 'The answer has another kind of media than the offer, or accepts what was not offered.',
  'sdp.no-common-format': 'The answer takes none of the offered formats.',
  'sdp.transport': 'The answer has another transport profile than the offer.',

  // SIP.
  'sip.syntax': 'A header field or URI is malformed.',
  'sip.no-response': 'A target gave no response at all in time.',
  'sip.timeout': 'No final response came in time (timer B or F, or 64×T1 after CANCEL).',
  'sip.cancelled': 'The request was cancelled before it was sent.',
  'sip.unroutable': 'The remote target of a dialog is not a SIP URI.',
  'sip.dialog-ended': 'The dialog has ended.',
  'sip.dialog-lost': 'The peer does not know the dialog any more, or did not answer in it (RFC 5057).',
  'sip.no-ack': 'The answer to a re-INVITE was never acknowledged.',
  'sip.glare': 'Two offers crossed (491, RFC 3261 §14.1).',
  'dns.not-found': 'The host name has no address that can be reached.',
  'dns.failed': 'The name service gave an error.',
  'dns.timeout': 'The name service gave no answer in time.',
  'transport.refused': 'The connection was refused or broken.',
  'transport.timeout': 'The connection did not stand in time.',
  'transport.tls': 'The TLS handshake failed, or the certificate does not fit.',
  'transport.send': 'A message could not be sent.',
  'transport.bind': 'A listener could not be opened.',
  'transport.unavailable':
    'No listener has the address family and transport that is needed, or the transports are stopping.',

  // Messages that could not be read.
  'parse.empty': 'The message is empty.',
  'parse.start-line': 'The start line is malformed.',
  'parse.version': 'The message is not SIP/2.0.',
  'parse.request-uri': 'The Request-URI is malformed.',
  'parse.status-code': 'The status code is malformed.',
  'parse.header-line': 'A header line is malformed.',
  'parse.header-missing': 'A header field that every message has is missing.',
  'parse.header-duplicate': 'A header field that may stand once stands more than once.',
  'parse.header-value': 'The value of a header field is malformed.',
  'parse.cseq-mismatch': 'The method of CSeq is not the method of the request.',
  'parse.content-length': 'Content-Length is malformed or promises more than came.',
  'parse.truncated': 'The message ends before its header fields do.',
  'parse.headers-too-large': 'The header fields are larger than is accepted.',
  'parse.too-many-headers': 'The message has more header fields than are accepted.',
  'parse.body-too-large': 'The body is larger than is accepted.',

  // Configuration and files.
  'config.listener': 'A listener of the configuration cannot be used.',
  'config.cidr': 'A range of the configuration is no address and no CIDR block.',
  'config.tls': 'The certificate or key of the configuration cannot be used.',
  'media.rtpengine-silent': 'A daemon of the rtpengine pool did not answer in time.',
  'media.rtpengine-refused': 'A daemon of the rtpengine pool refused an order.',
  'store.conflict': 'The resource is declared in the configuration file, or its state does not allow the change.',
  'store.not-found': 'There is no such resource.',
  'store.invalid': 'The change breaks a rule of the configuration; each fault is named.',
  'store.invalid-row': 'A row of the store does not fit the schema.',
  'store.newer': 'The store was written by a later version.',
  'store.unsupported': 'The store that is configured is not supported by this build.',
  'store.wrong-key': 'A sealed secret does not open with the key at hand.',
  'store.bad-key': 'The key for secrets is not 32 bytes.',
  'api.bad-request': 'The request to the management API cannot be understood.',
  'api.unauthorized': 'The request to the management API has no valid access key.',
  'api.forbidden': 'The access key may read only.',
  'api.not-found': 'The management API has nothing at that path.',
  'api.internal': 'A request to the management API failed inside the gateway.',
  'api.unreachable': 'No gateway answers where the configuration says its management API listens.',
  'api.insecure-listener':
    'An access key came over clear HTTP to a listener that other machines reach; it is not looked at.',
  'records.unsupported': 'The place for records that is configured is not supported by this build.',
} as const satisfies Readonly<Record<string, string>>;

/** A code of the registry. */
export type Code = keyof typeof CODES;

/** True when the code is in the registry. */
export const isCode = (text: string): text is Code => Object.hasOwn(CODES, text);

/** The table of docs/codes.md: one section for each part of the code before the dot. */
export function codesPage(): string {
  const areas = new Map<string, string[]>();
  for (const [code, meaning] of Object.entries(CODES)) {
    const area = code.slice(0, code.indexOf('.'));
    const rows = areas.get(area) ?? [`## ${area}`, '', '| Code | Meaning |', '| --- | --- |'];
    rows.push(`| \`${code}\` | ${meaning} |`);
    areas.set(area, rows);
  }
  const intro = [
    '# Codes',
    '',
    'Every decision, attempt and end of a call carries one of these stable codes: in the trace, the call detail record,',
    'events and metrics. The table is the registry of `src/routing/codes.ts`; a test keeps the two equal.',
  ];
  return `${[intro, ...areas.values()].map((lines) => lines.join('\n')).join('\n\n')}\n`;
}
