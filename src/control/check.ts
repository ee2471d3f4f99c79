import { type ConfigFault, type GatewayConfig, type LoadOutcome, loadConfig, redactConfig } from '../config/index.js';

export interface Output {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
}

/** One fault as one line: `gateway.yaml:12: voiceConnectors[0].termination.cpsLimit: must be …`. */
export function faultLine(file: string, fault: ConfigFault): string {
  const line = fault.line === undefined ? '' : `:${fault.line}`;
  const path = fault.path === '' ? '' : ` ${fault.path}:`;
  return `${file}${line}:${path} ${fault.message}`;
}

/** Loads the configuration; on faults prints each on standard error and gives undefined. */
export function loadOrExplain(
  path: string | undefined,
  output: Output,
  load: () => LoadOutcome = () => loadConfig(path, process.env),
): GatewayConfig | undefined {
  return explained(path, output, load());
}

/** The configuration of an outcome; its faults and warnings are told on stderr. */
export function explained(path: string | undefined, output: Output, outcome: LoadOutcome): GatewayConfig | undefined {
  const file = path ?? '(embedded defaults)';
  if (!outcome.ok) {
    for (const fault of outcome.faults) output.err(`${faultLine(file, fault)}\n`);
    return undefined;
  }
  for (const warning of outcome.warnings) output.err(`warning: ${faultLine(file, warning)}\n`);
  return outcome.config;
}

/** `trunkline check`: exit status 0 or 2. */
export function checkCommand(path: string | undefined, json: boolean, output: Output): number {
  if (json) return checkAsJson(path, output);
  const config = loadOrExplain(path, output);
  if (!config) return 2;
  output.out(`${JSON.stringify(redactConfig(config), undefined, 2)}\n`);
  output.err(`${path ?? 'embedded defaults'}: valid\n`);
  return 0;
}

function checkAsJson(path: string | undefined, output: Output): number {
  const outcome = loadConfig(path, process.env);
  const result = outcome.ok
    ? { valid: true, warnings: outcome.warnings, configuration: redactConfig(outcome.config) }
    : { valid: false, faults: outcome.faults };
  output.out(`${JSON.stringify(result, undefined, 2)}\n`);
  return outcome.ok ? 0 : 2;
}
