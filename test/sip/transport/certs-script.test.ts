import { spawnSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { hasOpenssl } from './certificates.js';

const SCRIPT = fileURLToPath(new URL('../../../scripts/certs.mjs', import.meta.url));
const base = mkdtempSync(join(tmpdir(), 'trunkline-script-'));
afterAll(() => rmSync(base, { recursive: true, force: true }));

const certs = (args: string[], env: NodeJS.ProcessEnv = process.env) =>
  spawnSync(process.execPath, [SCRIPT, ...args], { env, encoding: 'utf8' });

describe('npm run certs', () => {
  it.skipIf(!hasOpenssl)('makes an authority and a wildcard certificate, keys for the owner only', () => {
    const out = join(base, 'new', 'certs');
    expect(certs(['--domain', 'trunk.example', '--out', out])).toMatchObject({ status: 0, stderr: '' });
    const ca = new X509Certificate(readFileSync(join(out, 'ca.pem')));
    const certificate = new X509Certificate(readFileSync(join(out, 'cert.pem')));
    expect(certificate.checkIssued(ca) && certificate.verify(ca.publicKey)).toBe(true);
    expect(certificate.checkHost('abc.trunk.example')).toBe('*.trunk.example');
    expect(certificate.checkHost('trunk.example')).toBe('trunk.example');
    expect(certificate.checkHost('a.b.trunk.example')).toBeUndefined();
    for (const key of ['ca.key', 'key.pem']) expect(statSync(join(out, key)).mode & 0o777).toBe(0o600);
  });

  it.skipIf(!hasOpenssl)('takes domain and addresses from a configuration', () => {
    const file = join(base, 'gateway.yaml');
    const out = join(base, 'configured');
    writeFileSync(
      file,
      'domain: vc.example\nsip:\n  listen: [udp://0.0.0.0:5060, "tls://[2001:db8::5]:5061"]\n  advertise: 203.0.113.5\n',
    );
    expect(certs(['--config', file, '--out', out])).toMatchObject({ status: 0, stderr: '' });
    const certificate = new X509Certificate(readFileSync(join(out, 'cert.pem')));
    expect(certificate.checkHost('abc.vc.example')).toBe('*.vc.example');
    for (const address of ['203.0.113.5', '2001:db8::5', '127.0.0.1'])
      expect(certificate.checkIP(address)).toBe(address);
    expect(certs(['--config', join(base, 'nowhere.yaml')])).toMatchObject({ status: 2 });
  });

  it.skipIf(!hasOpenssl)('writes over nothing without --force', () => {
    const out = join(base, 'twice');
    certs(['--domain', 'one.example', '--out', out]);
    const first = readFileSync(join(out, 'key.pem'), 'utf8');
    const refused = certs(['--domain', 'one.example', '--out', out]);
    expect(refused.status).toBe(2);
    expect(refused.stderr).toContain('--force');
    expect(readFileSync(join(out, 'key.pem'), 'utf8')).toBe(first);
    expect(certs(['--domain', 'one.example', '--out', out, '--force']).status).toBe(0);
    expect(readFileSync(join(out, 'key.pem'), 'utf8')).not.toBe(first);
  });

  it('says in one line what is wrong', () => {
    expect(certs(['--domain', 'two words'])).toMatchObject({
      status: 2,
      stderr: 'certs: --domain two words: not a domain name\n',
    });
    expect(certs(['--ip', 'nowhere'])).toMatchObject({ status: 2, stderr: 'certs: --ip nowhere: not an IP address\n' });
    const without = certs(['--out', join(base, 'no-openssl')], { ...process.env, PATH: base });
    expect(without.status).toBe(2);
    expect(without.stderr).toContain('openssl program is not installed');
    expect(existsSync(join(base, 'no-openssl', 'key.pem'))).toBe(false);
  });
});
