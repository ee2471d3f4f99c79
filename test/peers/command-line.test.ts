import { spawnSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FAR_NUMBER, OUR_NUMBER } from '../support/gateway.js';
import { scratchDirectory } from '../support/scratch.js';

/** bin/trunkline as an operator calls it. */

const PROGRAM = resolve('bin/trunkline');

function run(args: readonly string[], options: { program?: string; cwd?: string } = {}) {
  const { program = PROGRAM, cwd } = options;
  const { status, stdout, stderr } = spawnSync(program, args, { cwd, encoding: 'utf8', timeout: 60_000 });
  return { status, stdout, stderr };
}

function configFile(text: string): string {
  const file = join(scratchDirectory(), 'gateway.yaml');
  writeFileSync(file, text);
  return file;
}

const GOOD = `
carriers: [{ name: main, hosts: [{ host: 192.0.2.1 }], sources: [192.0.2.0/24], credentials: { username: u, password: very-secret } }]
voiceConnectors:
  - name: HQ
    termination: { cidrAllowedList: [10.0.0.0/8], callingRegions: [US] }
    phoneNumbers: ["${OUR_NUMBER}"]
`;

describe('bin/trunkline', () => {
  it('runs through a symbolic link and from any directory', () => {
    const directory = scratchDirectory();
    mkdirSync(join(directory, 'with space'));
    const link = join(directory, 'with space', 'trunkline');
    symlinkSync(PROGRAM, link);
    const direct = run(['version']);
    expect(direct).toMatchObject({ status: 0, stdout: expect.stringMatching(/^trunkline \d+\.\d+\.\d+\n$/) });
    expect(run(['version'], { program: link, cwd: directory }).stdout).toBe(direct.stdout);
  });

  it('takes relative paths from where it is called', () => {
    const file = configFile(GOOD);
    expect(run(['check', '--config', 'gateway.yaml'], { cwd: join(file, '..') }).status).toBe(0);
  });

  it('says what is wrong with its arguments, with status 2', () => {
    expect(run(['frobnicate'])).toMatchObject({ status: 2, stdout: '', stderr: expect.stringContaining('frobnicate') });
    expect(run(['serve', '--nonsense']).status).toBe(2);
  });
});

describe('trunkline check', () => {
  it('prints what is in force, without secrets', () => {
    const { status, stdout } = run(['check', '--config', configFile(GOOD)]);
    expect(status).toBe(0);
    expect(stdout).toContain('192.0.2.1');
    expect(stdout).not.toContain('very-secret');
  });

  it('lists every fault with its path, with status 2', () => {
    const file = configFile(
      'sip: { t1Ms: soon }\ncarriers: [{ name: main }]\nvoiceConnectors: [{ name: HQ, colour: red }]\n',
    );
    const { status, stderr } = run(['check', '--config', file]);
    expect(status).toBe(2);
    for (const path of ['sip.t1Ms', 'carriers[0].hosts', 'colour']) expect(stderr).toContain(path);
  });

  it('says so when the file is not there', () => {
    const { status, stderr } = run(['check', '--config', '/nowhere/gateway.yaml']);
    expect(status).toBe(2);
    expect(stderr).toContain('/nowhere/gateway.yaml');
  });
});

describe('trunkline route', () => {
  it('decides a call without placing it, and prints each check', () => {
    const { status, stdout } = run(['route', '--config', configFile(GOOD), '--from', OUR_NUMBER, '--to', FAR_NUMBER]);
    expect(status).toBe(0);
    expect(stdout).toContain('termination.allowlist');
    expect(stdout).toContain('192.0.2.1');
  });

  it('gives the same as JSON', () => {
    const { stdout } = run([
      'route',
      '--config',
      configFile(GOOD),
      '--from',
      OUR_NUMBER,
      '--to',
      '+442079460000',
      '--json',
    ]);
    expect(JSON.parse(stdout)).toMatchObject({ kind: 'refuse', status: 403, code: 'termination.country-not-allowed' });
  });
});
