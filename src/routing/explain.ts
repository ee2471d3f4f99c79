import type { Decision, TraceStep } from './types.js';

/**
 * A decision as a plain table to read, for `trunkline route` and the demo:
 *
 *     pass  termination.allowlist   The source is in the allowed list.   source=10.0.0.1
 *     FAIL  termination.cps         Calls per second limit reached       cpsLimit=10 tokens=0   [termination.cps-exceeded]
 *     → refused: 503 Calls per second limit reached (termination.cps-exceeded), Retry-After 3
 */
export function explain(decision: Decision): string {
  const rows = decision.trace.map(row);
  const widths = [0, 1, 2].map((column) => Math.max(0, ...rows.map((cells) => cells[column]!.length)));
  const lines = rows.map((cells) =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  return [heading(decision), '', ...lines, '', ...outcome(decision)].join('\n');
}

const MARKS = { pass: 'pass', fail: 'FAIL', skip: 'skip', note: 'note' } as const;

function row(step: TraceStep): string[] {
  const code = step.code === undefined ? '' : `[${step.code}]`;
  return [
    MARKS[step.verdict],
    step.check,
    step.detail,
    [inputText(step.input), code].filter((text) => text !== '').join('  '),
  ];
}

const inputText = (input: TraceStep['input']): string =>
  Object.entries(input)
    .map(([name, value]) => `${name}=${valueText(value)}`)
    .join(' ');

function valueText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(valueText).join(', ')}]`;
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function heading(decision: Decision): string {
  const way = decision.direction ?? 'Unidentified';
  const connector = decision.voiceConnectorId === undefined ? '' : `, Voice Connector ${decision.voiceConnectorId}`;
  return `${way} call ${decision.callingNumber || '(nobody)'} -> ${decision.calledNumber || '(nobody)'}${connector}`;
}

function outcome(decision: Decision): string[] {
  if (decision.kind === 'admit') {
    const attempts = decision.plan.map(
      (attempt, index) =>
        `  ${index + 1}. ${attempt.targetKey}  dials ${attempt.calledNumber} as ${attempt.callingNumber}`,
    );
    return [`=> admitted${decision.emergency ? ' (emergency)' : ''}, ${decision.plan.length} target(s):`, ...attempts];
  }
  const retry = decision.retryAfterSeconds === undefined ? '' : `, Retry-After ${decision.retryAfterSeconds}`;
  const status = decision.status === 'drop' ? 'dropped in silence' : `refused: ${decision.status}`;
  return [`=> ${status} ${decision.reason} (${decision.code})${retry}`];
}
