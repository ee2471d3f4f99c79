import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls';
import { GatewayError } from '../../core/index.js';
import { alternativeNames } from './tls-identity.js';

export interface TlsOptions {
  /** PEM files; the first pair is shown to peers that send no server name or an unknown one, and to servers. */
  readonly certificates: readonly { readonly certificate: string; readonly key: string }[];
  /** PEM file of the authorities trusted for peers, in place of the system's. */
  readonly ca?: string;
  /** Default TLSv1.2. */
  readonly minVersion?: 'TLSv1.2' | 'TLSv1.3';
  /** Of peers that connect to us over TLS (never asked of browsers, that is over wss). Default none. */
  readonly clientCertificate?: 'none' | 'request' | 'require';
  /** Whether the certificate of a server we connect to must be valid for its name. Default true. */
  readonly verifyServer?: boolean;
}

/** A certificate in use, for the expiry metric. */
export interface CertificateFacts {
  readonly names: readonly string[];
  readonly notAfterMs: number;
}

interface NamedContext {
  readonly certificate: X509Certificate;
  readonly context: SecureContext;
}

interface Material {
  readonly options: TlsOptions;
  readonly defaults: SecureContextOptions;
  readonly named: readonly NamedContext[];
}

/**
 * Certificates and keys, read from files at start and again on reload. A reload that fails changes nothing; one that
 * succeeds holds for the next handshake, and connections already open keep what they have.
 */
export class TlsStore {
  #material: Material;

  /** @throws GatewayError `config.tls` naming the file at fault */
  constructor(options: TlsOptions) {
    this.#material = load(options);
  }

  /** Reads the files again, of other options where given. @throws GatewayError `config.tls`; the old ones stay. */
  reload(options: TlsOptions = this.#material.options): void {
    this.#material = load(options);
  }

  get options(): TlsOptions {
    return this.#material.options;
  }

  /** What a server shows without a server name, and the authorities it trusts. */
  get serverDefaults(): SecureContextOptions {
    return this.#material.defaults;
  }

  /** Our side of outgoing connections. */
  get clientContext(): SecureContext {
    return this.#material.named[0]!.context;
  }

  /** The certificate for a server name (RFC 6066 §3): an exact one before a wildcard; undefined: the default. */
  contextFor(serverName: string): SecureContext | undefined {
    const { named } = this.#material;
    const exact = named.find(
      ({ certificate }) => certificate.checkHost(serverName, { wildcards: false }) !== undefined,
    );
    return (exact ?? named.find(({ certificate }) => certificate.checkHost(serverName) !== undefined))?.context;
  }

  certificates(): CertificateFacts[] {
    return this.#material.named.map(({ certificate }) => ({
      names: alternativeNames(certificate.subjectAltName).map(({ value }) => value),
      notAfterMs: Date.parse(certificate.validTo),
    }));
  }
}

function load(options: TlsOptions): Material {
  const pairs = options.certificates.map(({ certificate, key }) => ({
    file: certificate,
    cert: read(certificate),
    key: read(key),
  }));
  if (pairs.length === 0) throw tlsError('no certificate is configured');
  const shared: SecureContextOptions = {
    minVersion: options.minVersion ?? 'TLSv1.2',
    ...(options.ca && { ca: read(options.ca) }),
  };
  const named = pairs.map(({ file, cert, key }) =>
    attempt(file, () => ({
      certificate: new X509Certificate(cert),
      context: createSecureContext({ ...shared, cert, key }),
    })),
  );
  return { options, named, defaults: { ...shared, cert: pairs[0]!.cert, key: pairs[0]!.key } };
}

const read = (file: string): Buffer => attempt(file, () => readFileSync(file));

function attempt<T>(file: string, action: () => T): T {
  try {
    return action();
  } catch (cause) {
    throw tlsError(`${file}: ${cause instanceof Error ? cause.message : String(cause)}`, cause);
  }
}

const tlsError = (what: string, cause?: unknown): GatewayError =>
  new GatewayError('config.tls', `TLS: ${what}`, { origin: 'local', cause });
