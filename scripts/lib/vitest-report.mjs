import { readFileSync } from 'node:fs';

/**
 * Reads a report of vitest's JSON reporter.
 * @returns counts, and what failed or was skipped with its reason; a file that did not load counts as one failure
 */
export function readReport(path, project) {
  let report;
  try {
    report = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    return { passed: 0, failures: [`${project}: no report (${error.message})`], skips: [] };
  }
  const tests = report.testResults.flatMap((file) =>
    file.assertionResults.map((test) => ({ ...test, file: file.name })),
  );
  const failures = tests.filter((test) => test.status === 'failed').map((test) => test.fullName);
  for (const file of report.testResults) {
    const ownFailure = file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed');
    if (ownFailure) failures.push(`${file.name}: ${firstLine(file.message)}`);
  }
  if (!report.success && failures.length === 0) failures.push(`${project}: an error outside any test`);
  const skips = tests
    .filter((test) => ['pending', 'skipped', 'todo', 'disabled'].includes(test.status))
    .map((test) => `${test.fullName}: ${test.meta?.skipReason ?? 'no reason given'}`);
  return { passed: tests.filter((test) => test.status === 'passed').length, failures, skips };
}

const firstLine = (text) => (text ?? 'did not load').trim().split('\n')[0];
