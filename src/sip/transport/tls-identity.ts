import { isIP } from 'node:net';
import { checkServerIdentity, type PeerCertificate } from 'node:tls';

/** Names in certificates: RFC 5280 §4.2.1.6, RFC 5922 §7. */

interface AltName {
  readonly kind: string;
  readonly value: string;
}

/** Splits Node's `DNS:a, URI:sip:b` text. A value with commas or controls comes quoted, as a JSON string. */
export function alternativeNames(text: string | undefined): AltName[] {
  const names: AltName[] = [];
  const entry = /([A-Za-z ]+):("(?:[^"\\]|\\.)*"|[^,]*)(?:, |$)/gy;
  for (let match = entry.exec(text ?? ''); match; match = entry.exec(text ?? '')) {
    const value = match[2]!;
    names.push({ kind: match[1]!, value: value.startsWith('"') ? unquote(value) : value });
  }
  return names;
}

function unquote(quoted: string): string {
  try {
    return String(JSON.parse(quoted));
  } catch {
    // Not the form Node writes: a value that matches no name is the safe reading.
    return '';
  }
}

/** Whom a verified certificate speaks for: DNS names and URIs, else the common name. */
export function namesOf(certificate: Partial<PeerCertificate>): string[] {
  const names = alternativeNames(certificate.subjectaltname)
    .filter(({ kind }) => kind === 'DNS' || kind === 'URI')
    .map(({ value }) => value);
  if (names.length > 0 || certificate.subjectaltname) return names;
  // A subject may repeat the common name; then Node gives an array.
  const common: unknown = certificate.subject?.CN;
  if (Array.isArray(common)) return common.map(String);
  return typeof common === 'string' ? [common] : [];
}

/**
 * Whether the certificate is good for the SIP domain: a subjectAltName `sip:domain` (RFC 5922 §7.1), else what HTTPS
 * accepts, wildcards included. RFC 5922 §7.2 forbids wildcards; the certificates that carriers and hosted trunks
 * really have rely on them, so they are taken.
 * @returns undefined when it is, else the error
 */
export function checkSipIdentity(name: string, certificate: PeerCertificate): Error | undefined {
  const wanted = `sip:${name.toLowerCase()}`;
  const uris = alternativeNames(certificate.subjectaltname).filter(({ kind }) => kind === 'URI');
  if (isIP(name) === 0 && uris.some(({ value }) => value.toLowerCase() === wanted)) return undefined;
  return checkServerIdentity(name, certificate);
}
