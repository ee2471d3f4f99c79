#!/usr/bin/env node
/**
 * Makes a root authority and a wildcard certificate (`*.domain` and `domain`) for trying TLS out.
 *
 *     npm run certs -- [--config config/gateway.yaml | --domain voiceconnector.localhost] [--out data/certs]
 *                      [--ip 127.0.0.1] [--days 825] [--force]
 *
 * With --config the domain and the addresses are those of the configuration.
 *
 *     ca.pem  ca.key     the authority: give ca.pem to peers that are to trust the gateway
 *     cert.pem  key.pem  what the gateway shows
 *
 * Keys are readable by their owner only. Files that exist are never written over without --force. The work is done by
 * the `openssl` program, which must be installed.
 */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { loadAll } from 'js-yaml';

const FILES = ['ca.pem', 'ca.key', 'cert.pem', 'key.pem'];

/** A fault of the caller or of the machine: one line, exit 2. */
class Refusal extends Error {}

function readOptions() {
  try {
    const { values } = parseArgs({
      options: {
        config: { type: 'string' },
        domain: { type: 'string' },
        out: { type: 'string', default: join('data', 'certs') },
        ip: { type: 'string', multiple: true },
        days: { type: 'string', default: '825' },
        force: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    });
    const { domain, ips } = values.config === undefined ? { ips: [] } : configured(values.config);
    return {
      ...values,
      domain: values.domain ?? domain ?? 'voiceconnector.localhost',
      ip: values.ip ?? [...new Set([...ips, '127.0.0.1', '::1'])],
    };
  } catch (error) {
    throw new Refusal(error.message);
  }
}

/** Domain and addresses of a configuration file: what peers know the gateway by. */
function configured(file) {
  const { domain, sip } = loadAll(readFileSync(file, 'utf8'))[0] ?? {};
  const listen = Array.isArray(sip?.listen) ? sip.listen : [];
  const hosts = listen.map((url) => /^[a-z]+:\/\/\[?([0-9a-f.:]+?)\]?(?::\d+)?$/i.exec(String(url))?.[1]);
  const ips = [sip?.advertise, ...hosts].filter(
    (host) => isIP(String(host)) !== 0 && host !== '0.0.0.0' && host !== '::',
  );
  return { domain: typeof domain === 'string' ? domain : undefined, ips };
}

function check({ domain, ip, days }) {
  if (!/^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/i.test(domain)) {
    throw new Refusal(`--domain ${domain}: not a domain name`);
  }
  const wrong = ip.find((address) => isIP(address) === 0);
  if (wrong !== undefined) throw new Refusal(`--ip ${wrong}: not an IP address`);
  if (!(Number(days) >= 1 && Number(days) <= 3650)) throw new Refusal(`--days ${days}: 1 to 3650`);
}

function openssl(...args) {
  try {
    return execFileSync('openssl', args, { stdio: ['ignore', 'pipe', 'pipe'] });
  } catch (error) {
    if (error.code === 'ENOENT')
      throw new Refusal('the openssl program is not installed; certificates are made with it');
    throw new Refusal(`openssl ${args[0]}: ${String(error.stderr ?? error.message).trim()}`);
  }
}

/** Both certificates and keys, in a directory of their own so that a failure half-way leaves nothing behind. */
function make(directory, { domain, ip, days }) {
  const file = (name) => join(directory, name);
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const names = [`DNS:${domain}`, `DNS:*.${domain}`, `URI:sip:${domain}`, ...ip.map((address) => `IP:${address}`)];
  writeFileSync(file('empty.cnf'), '[req]\ndistinguished_name = dn\n[dn]\n');
  writeFileSync(
    file('leaf.cnf'),
    `basicConstraints = critical, CA:false\nkeyUsage = critical, digitalSignature\nextendedKeyUsage = serverAuth, clientAuth\nsubjectAltName = ${names.join(', ')}\n`,
  );
  const config = ['-config', file('empty.cnf')];
  openssl(
    'req',
    '-x509',
    ...config,
    ...key,
    '-keyout',
    file('ca.key'),
    '-out',
    file('ca.pem'),
    '-days',
    days,
    '-subj',
    `/CN=Trunkline test authority for ${domain}`.slice(0, 68),
    '-addext',
    'basicConstraints = critical, CA:true',
    '-addext',
    'keyUsage = critical, keyCertSign, cRLSign',
  );
  openssl(
    'req',
    ...config,
    ...key,
    '-keyout',
    file('key.pem'),
    '-out',
    file('leaf.csr'),
    '-subj',
    `/CN=${domain}`.slice(0, 68),
  );
  openssl(
    'x509',
    '-req',
    '-in',
    file('leaf.csr'),
    '-CA',
    file('ca.pem'),
    '-CAkey',
    file('ca.key'),
    '-CAcreateserial',
    '-days',
    days,
    '-extfile',
    file('leaf.cnf'),
    '-out',
    file('cert.pem'),
  );
}

function run() {
  const options = readOptions();
  if (options.help) {
    console.log(
      'npm run certs -- [--config file | --domain name] [--out directory] [--ip address]... [--days n] [--force]',
    );
    return;
  }
  check(options);
  mkdirSync(options.out, { recursive: true });
  const there = FILES.filter((name) => existsSync(join(options.out, name)));
  if (there.length > 0 && !options.force) {
    throw new Refusal(`${options.out} already holds ${there.join(', ')}; --force replaces them`);
  }
  const before = process.umask(0o077);
  const work = mkdtempSync(join(options.out, '.making-'));
  try {
    make(work, options);
    for (const name of FILES) {
      chmodSync(join(work, name), name === 'ca.key' || name === 'key.pem' ? 0o600 : 0o644);
      renameSync(join(work, name), join(options.out, name));
    }
  } finally {
    rmSync(work, { recursive: true, force: true });
    process.umask(before);
  }
  console.log(`${options.out}: ${FILES.join(', ')} for ${options.domain} and *.${options.domain}`);
}

try {
  run();
} catch (error) {
  if (!(error instanceof Refusal)) throw error;
  console.error(`certs: ${error.message}`);
  process.exitCode = 2;
}
