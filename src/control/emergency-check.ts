import { readFileSync } from 'node:fs';
import { type GatewayConfig, reasonOf } from '../config/index.js';
import { SeededRandom } from '../core/index.js';
import { buildSnapshot, type Decision, decide, explain } from '../routing/index.js';
import type { TestCallResult } from './api/index.js';
import { loadOrExplain, type Output } from './check.js';
import { type EmergencyQuestion, UsageError } from './cli.js';
import { checkPidfLo } from './pidf-lo.js';
import { askGateway } from './remote.js';
import { connectorOf, decisionJson, idleView, imaginedFacts } from './route.js';

/**
 * `trunkline emergency-check`: the rehearsal. Looks over the routing numbers of a connector, shows the plan of each
 * emergency and test code, validates a PIDF-LO document, and on request calls the test number through the running
 * gateway.
 */

interface Finding {
  readonly ok: boolean;
  readonly what: string;
}

/** @returns exit status: 0, 1 where something would not work, 2 for a configuration with faults */
export async function emergencyCheckCommand(
  path: string | undefined,
  question: EmergencyQuestion,
  json: boolean,
  output: Output,
): Promise<number> {
  const config = loadOrExplain(path, output);
  if (!config) return 2;
  const connector = connectorOf(config, question.connector);
  const from = question.from ?? connector.phoneNumbers[0];
  if (from === undefined) throw new UsageError('the connector has no number to call from: give one with --from');
  const findings = [...routingNumberFindings(connector), ...pidfFindings(question.pidf)];
  const plans = plansOf(config, connector.id, from);
  for (const { code, decision } of plans) {
    const told =
      decision.kind === 'admit' ? `goes to ${decision.calledNumber}` : `${decision.status} ${decision.reason}`;
    findings.push({ ok: decision.kind === 'admit', what: `${code} ${told}` });
  }
  const call = question.call ? await testCall(config, connector.id, from) : undefined;
  if (call) findings.push({ ok: call.answered, what: callText(call) });
  output.out(json ? asJson(findings, plans, call) : asText(findings, plans));
  return findings.every(({ ok }) => ok) ? 0 : 1;
}

type Connector = GatewayConfig['voiceConnectors'][number];

function* routingNumberFindings({ emergency, name }: Connector): Iterable<Finding> {
  if (!emergency) {
    yield { ok: false, what: `${name} has no emergency routing numbers: the dialled code itself is sent to carriers` };
    return;
  }
  for (const { callingCountry, emergencyPhoneNumber, testPhoneNumber } of emergency.dnis) {
    const test = testPhoneNumber === undefined ? 'no test number' : `tests to ${testPhoneNumber}`;
    yield { ok: true, what: `callers of ${callingCountry}: to ${emergencyPhoneNumber}, ${test}` };
  }
}

function pidfFindings(path: string | undefined): readonly Finding[] {
  if (path === undefined) return [];
  const { faults, summary } = checkPidfLo(textOf(path));
  if (faults.length === 0) return [{ ok: true, what: `${path}: ${summary}` }];
  return faults.map((fault) => ({ ok: false, what: `${path}: ${fault}` }));
}

/** @throws UsageError where the file cannot be read */
function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new UsageError(`--pidf ${path} cannot be read (${reasonOf(error)})`);
  }
}

interface Plan {
  readonly code: string;
  readonly decision: Decision;
}

function plansOf(config: GatewayConfig, connector: string, from: string): Plan[] {
  const snapshot = buildSnapshot(config);
  return [...config.emergency.numbers, ...config.emergency.testNumbers].map((code) => {
    const facts = imaginedFacts(config, { from, to: code, connector, source: undefined, inbound: false });
    return { code, decision: decide(facts, snapshot, idleView(snapshot), new SeededRandom(1)) };
  });
}

function testCall(config: GatewayConfig, connector: string, from: string): Promise<TestCallResult> {
  const to = config.emergency.testNumbers[0];
  if (to === undefined) throw new UsageError('emergency.testNumbers is empty: there is no test code to call');
  return askGateway(config, 'POST', '/emergency-check/call', { from, to, connector }) as Promise<TestCallResult>;
}

const callText = ({ attempts }: TestCallResult): string =>
  attempts
    .map(
      ({ target, answered, status, reason, tookMs }) =>
        `test call to ${target}: ${answered ? 'answered' : 'not answered'}, ${status ?? 'no response'} ${reason}, ${tookMs} ms`,
    )
    .join('; then ');

const asText = (findings: readonly Finding[], plans: readonly Plan[]): string =>
  [
    ...findings.map(({ ok, what }) => `${ok ? 'ok  ' : 'FAIL'}  ${what}`),
    ...plans.flatMap(({ decision }) => ['', explain(decision)]),
    '',
  ].join('\n');

const asJson = (findings: readonly Finding[], plans: readonly Plan[], call: TestCallResult | undefined): string => {
  const shown = plans.map(({ code, decision }) => ({ code, decision: decisionJson(decision) }));
  return `${JSON.stringify({ findings, plans: shown, ...(call && { call }) }, undefined, 2)}\n`;
};
