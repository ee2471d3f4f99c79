/**
 * What a datagram on a media port is, told by its first two octets (RFC 7983 §7, RFC 5761 §4).
 *
 *     0–3 STUN │ 16–19 ZRTP │ 20–63 DTLS │ 64–79 TURN channel │ 128–191 RTP, or RTCP when octet 2 is 192–223
 */
export type DatagramKind = 'rtp' | 'rtcp' | 'stun' | 'dtls' | 'other';

/** Classifies a datagram; an empty one is `other`. */
export function classifyDatagram(datagram: Buffer): DatagramKind {
  if (datagram.length === 0) return 'other';
  const first = datagram[0]!;
  if (first >= 128 && first <= 191) return datagram.length > 1 && isRtcpType(datagram[1]!) ? 'rtcp' : 'rtp';
  if (first <= 3) return 'stun';
  return first >= 20 && first <= 63 ? 'dtls' : 'other';
}

/** Second octets that mean RTCP on a shared port: 192–223 (RFC 5761 §4). */
export const isRtcpType = (second: number): boolean => second >= 192 && second <= 223;
