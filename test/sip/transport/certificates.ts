import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const SCRIPT = fileURLToPath(new URL('../../../scripts/certs.mjs', import.meta.url));

/** Certificates for tests are made with openssl, as users make theirs. */
export const hasOpenssl = spawnSync('openssl', ['version']).status === 0;

export interface Authority {
  readonly directory: string;
  readonly ca: string;
  readonly certificate: string;
  readonly key: string;
}

const made: string[] = [];

/** A fresh authority with a certificate for `domain` and `*.domain`. */
export function makeCertificates(domain: string, ...more: string[]): Authority {
  const directory = mkdtempSync(join(tmpdir(), 'trunkline-certs-'));
  made.push(directory);
  execFileSync(process.execPath, [SCRIPT, '--domain', domain, '--out', directory, ...more], { stdio: 'pipe' });
  const file = (name: string): string => join(directory, name);
  return { directory, ca: file('ca.pem'), certificate: file('cert.pem'), key: file('key.pem') };
}

export function removeCertificates(): void {
  for (const directory of made.splice(0)) rmSync(directory, { recursive: true, force: true });
}
