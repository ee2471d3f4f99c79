/**
 * npm test: installs what is missing, builds, checks types and style, runs every test, and ends with one line
 * `N passed, N failed, N skipped`. Exit status 0 when nothing failed.
 *
 *   npm test                  everything
 *   npm test -- --unit        unit tests alone (no peers, nothing from Debian)
 *   npm test -- --peers       tests against SIPp, baresip and sipsak alone
 *   npm test -- PATTERN …     only test files whose path contains a pattern
 *
 * The build, the type check and the style check count as one test each. A test that cannot run here counts as skipped
 * and says why; with CI=true that is a failure.
 */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { installPeers } from './lib/debian.mjs';
import { preparePackages, ROOT, rebuild } from './lib/prepare.mjs';
import { runLoudly, runQuietly } from './lib/run.mjs';
import { readReport } from './lib/vitest-report.mjs';

const TOTAL_LIMIT_MS = 55 * 60_000;
const REPORTS = join(ROOT, '.tmp', 'test-reports');

const startedMs = Date.now();
const say = (line) => process.stderr.write(`${line}\n`);
const options = readOptions(process.argv.slice(2));
const totals = { passed: 0, failures: [], skips: [] };
const underCi = ['true', '1'].includes(process.env.CI ?? '');

process.chdir(ROOT);
await main();

function readOptions(args) {
  const unknown = args.filter((arg) => arg.startsWith('-') && arg !== '--unit' && arg !== '--peers');
  if (unknown.length > 0) {
    process.stderr.write(`unknown option ${unknown[0]}\nusage: npm test -- [--unit | --peers] [PATTERN …]\n`);
    process.exit(2);
  }
  const unitOnly = args.includes('--unit');
  const peersOnly = args.includes('--peers');
  const both = unitOnly === peersOnly;
  return {
    projects: [...(both || unitOnly ? ['unit'] : []), ...(both || peersOnly ? ['peers'] : [])],
    patterns: args.filter((arg) => !arg.startsWith('-')),
  };
}

async function main() {
  const packages = await step('npm packages', () => preparePackages(say));
  if (packages) {
    if (options.projects.includes('peers')) tellMissingPeers();
    const built = await step('build', () => rebuild(say));
    if (options.patterns.length === 0) checkSources();
    for (const project of options.projects) {
      if (project === 'peers' && !built) totals.failures.push('peers: not run, because the build failed');
      else await runProject(project);
    }
  }
  finish();
}

/** One thing that must work; counted as a test unless it is the mere installation. */
async function step(name, work) {
  try {
    await work();
    if (name === 'build') totals.passed++;
    return true;
  } catch (error) {
    totals.failures.push(`${name}: ${error.message}`);
    return false;
  }
}

function tellMissingPeers() {
  const missing = installPeers(say);
  if (missing !== undefined) say(`${missing}; tests that need them are skipped`);
}

function checkSources() {
  const checks = [
    ['types of tests', ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.test.json', '--noEmit']],
    ['style', ['node_modules/@biomejs/biome/bin/biome', 'check', '--colors=off', '--max-diagnostics=50', '.']],
  ];
  for (const [name, args] of checks) {
    const { status, output } = runQuietly(process.execPath, args, { cwd: ROOT, timeout: 5 * 60_000 });
    if (status === 0) totals.passed++;
    else totals.failures.push(`${name}:\n${output.trim()}`);
  }
}

async function runProject(project) {
  mkdirSync(REPORTS, { recursive: true });
  const report = join(REPORTS, `${project}.json`);
  rmSync(report, { force: true });
  const args = ['node_modules/vitest/vitest.mjs', 'run', '--project', project, '--passWithNoTests'];
  args.push('--reporter=default', '--reporter=json', `--outputFile.json=${report}`, ...options.patterns);
  const timeoutMs = Math.max(1000, TOTAL_LIMIT_MS - (Date.now() - startedMs));
  const status = await runLoudly(process.execPath, args, { cwd: ROOT, timeoutMs });
  if (status === 'timeout') totals.failures.push(`${project}: ended, because the tests took longer than 55 minutes`);
  const found = readReport(report, project);
  totals.passed += found.passed;
  totals.failures.push(...found.failures);
  totals.skips.push(...found.skips);
  if (status !== 0 && status !== 'timeout' && found.failures.length === 0) {
    totals.failures.push(`${project}: vitest ended with status ${status}`);
  }
}

function finish() {
  for (const skip of totals.skips) say(`skipped: ${skip}`);
  if (underCi) {
    for (const skip of totals.skips.splice(0)) totals.failures.push(`skipped under CI: ${skip}`);
  }
  for (const failure of totals.failures) say(`failed: ${failure}`);
  const { passed, failures, skips } = totals;
  process.stdout.write(`${passed} passed, ${failures.length} failed, ${skips.length} skipped\n`);
  process.exitCode = failures.length === 0 && passed > 0 ? 0 : 1;
}
