import { join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type Outcome, placeCall, type Stage, setStage } from './call.js';
import { collectEvidence, type Evidence } from './evidence.js';
import {
  ADDRESS,
  CONNECTOR_ID,
  FAR_NUMBER,
  type GatewayProcess,
  OFFICE_NUMBER,
  startGatewayProcess,
} from './gateway-process.js';
import { heading, tellStory } from './story.js';

/**
 * npm run demo: a demonstration PBX calls a demonstration carrier through the real gateway, talks for ten seconds, and
 * the gateway's own record tells the story.
 *
 *     demo PBX ── SIP, RTP ──► bin/trunkline serve ── SIP, RTP ──► demo carrier
 */

const RECORD_LIMIT_MS = 10_000;

const USAGE = 'usage: npm run demo [-- [--once] [--directory DIR]]\n';
const root = fileURLToPath(new URL('../..', import.meta.url));
const say = (text: string): void => void process.stdout.write(text);
const shownPath = (path: string): string => relative(process.cwd(), path) || path;

interface Options {
  /** End after the call. */
  readonly once: boolean;
  /** Where configuration, records and logs go. */
  readonly directory: string;
}

/** Undefined where they cannot be read; then it has been said why. */
function readOptions(args: string[]): Options | undefined {
  try {
    const { values } = parseArgs({ args, options: { once: { type: 'boolean' }, directory: { type: 'string' } } });
    const { once = false, directory = join(root, 'data', 'demo') } = values;
    return { once, directory: resolve(directory) };
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n${USAGE}`);
    return undefined;
  }
}

async function main(args: string[]): Promise<number> {
  const options = readOptions(args);
  if (!options) return 2;
  const { directory } = options;
  const stage = await setStage(say);
  const gateway = await startGatewayProcess(root, directory, stage.carrier.port);
  const over = interruption(gateway);
  try {
    introduce(gateway, stage.carrier.port);
    const good = await Promise.race([demonstrate(stage, gateway, directory), over.then(() => false)]);
    if (!options.once) {
      say('\nThe gateway keeps running. Ctrl-C ends it.\n');
      await over;
    }
    return good ? 0 : 1;
  } finally {
    await gateway.stop();
  }
}

/** The call and its story; tells whether it was good. */
async function demonstrate(stage: Stage, gateway: GatewayProcess, directory: string): Promise<boolean> {
  const outcome = await placeCall(stage, gateway.sipPort);
  const evidence = await collectEvidence(directory, CONNECTOR_ID, outcome.callId, RECORD_LIMIT_MS);
  say(tellStory(evidence));
  const good = judge(outcome, evidence);
  lookNext(gateway, evidence);
  return good;
}

function introduce(gateway: GatewayProcess, carrierPort: number): void {
  say(heading('The stage'));
  say(`  gateway   bin/trunkline serve --config ${shownPath(gateway.configFile)}   (pid ${gateway.process.pid})\n`);
  say(`            SIP on ${ADDRESS}:${gateway.sipPort} (UDP and TCP)\n`);
  say(`  PBX       a small telephone with the number ${OFFICE_NUMBER}\n`);
  say(`  carrier   another one at ${ADDRESS}:${carrierPort}, which answers for ${FAR_NUMBER}\n`);
  say(heading('The call'));
}

/** Says whether the call was good, from both ends and from the record. */
function judge({ answered, reason, heard, spoken }: Outcome, { record }: Evidence): boolean {
  const enough = (frames: number, of: number): boolean => of > 0 && frames >= of * 0.98;
  const heardBoth = enough(heard.atCarrier, spoken.byPbx) && enough(heard.atPbx, spoken.byCarrier);
  const good = answered && record.Status === 'Completed' && heardBoth;
  say(`  the carrier heard ${heard.atCarrier} of ${spoken.byPbx} frames unchanged, `);
  say(`the PBX ${heard.atPbx} of ${spoken.byCarrier}\n`);
  if (!good) say(`  the call did not go as it should${reason ? `: ${reason}` : ''}\n`);
  return good;
}

function lookNext(gateway: GatewayProcess, evidence: Evidence): void {
  const config = shownPath(gateway.configFile);
  say(heading('Where to look next'));
  const rows: [string, string][] = [
    ['record', shownPath(evidence.recordFile)],
    ['media log', shownPath(evidence.mediaLogFile)],
    ['SIP log', shownPath(evidence.sipLogFile)],
    ['metrics', gateway.metricsUrl],
    ['gateway log', shownPath(gateway.logFile)],
    ['dry run', `bin/trunkline route --config ${config} --from ${OFFICE_NUMBER} --to ${FAR_NUMBER}`],
    ['your own', `point a SIP phone at ${ADDRESS}:${gateway.sipPort}, or copy ${config} and make it yours`],
  ];
  say(rows.map(([name, value]) => `  ${name.padEnd(12)} ${value}\n`).join(''));
}

/** Resolves at Ctrl-C, at SIGTERM, or when the gateway has ended by itself. */
function interruption(gateway: GatewayProcess): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
    gateway.process.once('exit', () => resolve());
  });
}

main(process.argv.slice(2)).then(
  (status) => process.exit(status),
  (error: Error) => {
    process.stderr.write(`demo: ${error.message}\n`);
    process.exit(1);
  },
);
