import { MediaSection, SessionDescription } from './description.js';
import { addressTypeOf, formatConnection, formatOrigin } from './fields.js';
import { ForeignHosts } from './foreign-hosts.js';
import { effectiveDirection, isUnspecified, mediaAddress, statedDirection } from './media-facts.js';
import { attributeName, type SdpLine, Section, sdpLine } from './section.js';

/**
 * The description that goes to the other leg of a media-anchoring B2BUA.
 *
 *     from leg A                            to leg B
 *     o=alice 1 1 IN IP4 10.0.0.5           o=<ours>            our origin, s=-
 *     c=IN IP4 10.0.0.5                     c=<our address>     one for all media
 *     m=audio 4000 RTP/SAVP 0 101           m=audio <ours> …    the anchored section: codecs, ptime, direction stay
 *     a=crypto:…  a=candidate:…             a=crypto:<ours>     keys, ICE, DTLS, rtcp end at us
 *     m=video 4002 RTP/AVP 99               m=video 0 …         refused, in its place (RFC 3264 §6)
 *
 * Nothing in the result names an address or host of leg A: what is replaced is replaced, what ends at us is dropped,
 * and any other line that mentions one is dropped as well.
 */

export interface LegOrder {
  /** Our address towards the leg: an IP literal. */
  readonly address: string;
  /** Port of the anchored section. */
  readonly rtpPort: number;
  readonly rtcpPort: number;
  /** o= session id and version: decimal text or numbers; the caller raises the version with each change. */
  readonly sessionId: string | number;
  readonly version: string | number;
  /** o= username; `-` where there is none. */
  readonly username: string;
  /** Transport of the anchored RTP section; absent: RTP/SAVP with `crypto`, else RTP/AVP (AVPF forms kept as AVPF). */
  readonly profile?: string;
  /** Values of the a=crypto lines to send. */
  readonly crypto?: readonly string[];
  /** Further attribute values for the anchored section, such as fingerprint, setup, ICE and rtcp-mux for browsers. */
  readonly attributes?: readonly string[];
  /** Port for a T.38 section beside an anchored audio section; absent: it is refused. */
  readonly imagePort?: number;
}

export interface RewrittenDescription {
  readonly description: SessionDescription;
  /** Index of the section that carries `rtpPort`; -1 where every section is refused. */
  readonly anchored: number;
  /** Indices of live sections that were refused with port 0. */
  readonly rejected: readonly number[];
}

/** Attributes that end at the media anchor, or carry keys, identities or addresses of the other side. */
const ENDS_HERE: ReadonlySet<string> = new Set([
  ...['candidate', 'remote-candidates', 'end-of-candidates', 'ice-ufrag', 'ice-pwd', 'ice-options', 'ice-lite'],
  ...['ice-mismatch', 'ice-pacing', 'ice2', 'fingerprint', 'setup', 'tls-id', 'connection', 'identity', 'key-mgmt'],
  ...['crypto', 'rtcp', 'rtcp-mux', 'rtcp-mux-only', 'ssrc', 'ssrc-group', 'msid', 'msid-semantic', 'source-filter'],
  ...['alt', 'altc', 'acap', 'tcap', 'pcfg', 'acfg', 'direction', 'extmap-allow-mixed', 'tool'],
]);

/** Lines that describe or identify the session's owner, or carry keys (RFC 8866 §5.4–5.6, §5.12). */
const NEVER_PASSED = 'iuepk';

/**
 * Makes the description for the other leg. The given description is not changed.
 * Which section is anchored: the first live audio section over RTP, else the first live T.38 section.
 */
export function rewriteForLeg(description: SessionDescription, order: LegOrder): RewrittenDescription {
  const foreign = new ForeignHosts(description);
  const session = new Section(sessionLines(description.session, order, foreign));
  const anchored = anchoredIndex(description);
  const image =
    order.imagePort === undefined ? -1 : description.media.findIndex((media) => media.isUdptl && media.port !== 0);
  const rejected: number[] = [];
  const media = description.media.map((section, at) => {
    if (at === anchored) return anchoredSection(description, section, order, foreign);
    if (at === image) return portedSection(section, order.imagePort!, passedLines(section, foreign));
    if (section.port !== 0) rejected.push(at);
    return refusedSection(section, foreign);
  });
  return { description: new SessionDescription(session, media), anchored, rejected };
}

function anchoredIndex(description: SessionDescription): number {
  const audio = description.media.findIndex((media) => media.kind === 'audio' && media.isRtp && media.port !== 0);
  return audio >= 0 ? audio : description.media.findIndex((media) => media.isUdptl && media.port !== 0);
}

function sessionLines(session: Section, order: LegOrder, foreign: ForeignHosts): SdpLine[] {
  const { username, sessionId, version, address } = order;
  const origin = {
    username,
    sessionId: `${sessionId}`,
    version: `${version}`,
    addressType: addressTypeOf(address),
    address,
  };
  const ours = new Section(passedLines(session, foreign).filter((line) => !'vos'.includes(line.type)));
  ours.lines = ours.lines.filter((line) => line.type !== 'a' || attributeName(line.value) !== 'group');
  ours.lines.unshift(sdpLine('v', '0'), sdpLine('o', formatOrigin(origin)), sdpLine('s', '-'));
  ours.set('c', formatConnection(address));
  if (ours.first('t') === undefined) ours.set('t', '0 0');
  return ours.lines;
}

function anchoredSection(
  description: SessionDescription,
  media: MediaSection,
  order: LegOrder,
  foreign: ForeignHosts,
): MediaSection {
  const lines = withHoldAsDirection(description, media, passedLines(media, foreign));
  const ported = portedSection(media, order.rtpPort, lines);
  if (media.isUdptl) return ported;
  ported.protocol =
    order.profile ?? defaultProfile(media.protocol, order.crypto !== undefined && order.crypto.length > 0);
  if (!/F$/i.test(ported.protocol)) ported.removeAttributes('rtcp-fb');
  if (order.rtcpPort !== order.rtpPort + 1 || media.has('rtcp')) ported.addAttribute('rtcp', String(order.rtcpPort));
  for (const line of order.crypto ?? []) ported.addAttribute('crypto', line);
  for (const attribute of order.attributes ?? []) ported.addAttribute(attribute);
  return ported;
}

const portedSection = (media: MediaSection, port: number, lines: SdpLine[]): MediaSection =>
  new MediaSection(media.kind, port, media.protocol, [...media.formats], lines);

/** Refused with port 0 in its place; a format stays, since the grammar wants one. */
function refusedSection(media: MediaSection, foreign: ForeignHosts): MediaSection {
  const formats = media.formats.filter((format) => !foreign.areNamedIn(format));
  const lines = [sdpLine('a', 'inactive')];
  return new MediaSection(media.kind, 0, media.protocol, formats.length > 0 ? formats : ['0'], lines);
}

function defaultProfile(protocol: string, secure: boolean): string {
  const feedback = /^RTP\/S?AVPF$/i.test(protocol) ? 'F' : '';
  return `RTP/${secure ? 'SAVP' : 'AVP'}${feedback}`;
}

/** Our address is never 0.0.0.0, so holding that way becomes a direction (RFC 3264 §8.4). */
function withHoldAsDirection(description: SessionDescription, media: MediaSection, lines: SdpLine[]): SdpLine[] {
  const address = mediaAddress(description, media)?.address;
  if (address === undefined || !isUnspecified(address)) return lines;
  const stated: string = statedDirection(description, media);
  const others = lines.filter((line) => line.type !== 'a' || line.value !== stated);
  return [...others, sdpLine('a', effectiveDirection(description, media))];
}

/** The lines of a section that may pass: none that ends here, none that names a host of the other side. */
function passedLines(section: Section, foreign: ForeignHosts): SdpLine[] {
  return section.lines.filter((line) => {
    if (line.type === 'c' || line.type === 'o' || NEVER_PASSED.includes(line.type)) return false;
    if (line.type === 'a' && ENDS_HERE.has(attributeName(line.value))) return false;
    return !foreign.areNamedIn(line.value);
  });
}
