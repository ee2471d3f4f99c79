#!/usr/bin/env node
/**
 * Cost of a decision: 1,000 connectors, 100,000 numbers, 200 carriers, 5,000 prefixes, every check of an outbound or
 * inbound call, the trace included, live counters read from a LiveState.
 *
 *     npm run bench:routing [-- --seconds 3] [--json] [--only outbound|inbound]
 *
 * Exit 1 when outbound decisions stay below the goal of 200,000 a second on one core.
 */
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { embeddedDefaults } from '../dist/config/index.js';
import { SeededRandom, systemScheduler } from '../dist/core/index.js';
import { buildSnapshot, decide, LiveState, TargetHealth } from '../dist/routing/index.js';

const GOAL = 200_000;
const SIZES = { connectors: 1000, numbers: 100_000, carriers: 200, prefixes: 5000 };
const REQUESTS = 20_000;

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '3' },
    json: { type: 'boolean', default: false },
    only: { type: 'string' },
  },
});

const random = new SeededRandom(2026);
const below = (limit) => Math.floor((random.uint32() / 2 ** 32) * limit);
const digits = (count) => Array.from({ length: count }, () => below(10)).join('');
const idOf = (index) => `connector${String(index).padStart(13, '0')}`;
const addressOf = (index) => `10.${index >> 8}.${index & 255}`;

/** Number of the index: 10 digits of the North American plan, all in area code 206 and up. */
const numberOf = (index) =>
  `+1${206 + Math.floor(index / 100_000)}${String(2_000_000 + (index % 100_000)).padStart(7, '0')}`;

function connector(index) {
  const perConnector = SIZES.numbers / SIZES.connectors;
  return {
    id: idOf(index),
    name: `connector ${index}`,
    requireEncryption: false,
    termination: {
      cidrAllowedList: [`${addressOf(index)}.0/24`],
      callingRegions: ['US', 'CA', 'GB', 'DE', 'FR'],
      cpsLimit: 1_000_000,
      maxCalls: 1_000_000,
      disabled: false,
      credentials: [],
      blockedPrefixes: ['+1900'],
      allowedHighRiskPrefixes: [],
    },
    origination: {
      disabled: false,
      routes: [1, 2, 3].map((last) => ({
        host: `${addressOf(index)}.${last}`,
        port: 5060,
        protocol: 'UDP',
        priority: last === 3 ? 2 : 1,
        weight: last,
        failover: { afterRinging: false },
      })),
    },
    mediaSources: [],
    phoneNumbers: Array.from({ length: perConnector }, (_, at) => numberOf(index * perConnector + at)),
  };
}

function carrier(index, prefixes) {
  return {
    name: `carrier-${index}`,
    hosts: [1, 2].map((last) => ({
      host: `192.168.${index}.${last}`,
      port: 5060,
      protocol: 'UDP',
      priority: 1,
      weight: last,
    })),
    prefixes,
    priority: 1 + (index % 3),
    weight: 1 + (index % 10),
    sources: [`192.168.${index}.0/24`],
    tlsNames: [],
    mediaSources: [],
    numberFormat: { kind: 'e164' },
    callerIdIn: ['From', 'P-Asserted-Identity'],
    encryption: 'off',
    callsPerSecond: 1_000_000,
    maxCalls: 1_000_000,
    failover: { afterRinging: false },
    addHeaders: {},
    removeHeaders: [],
    disabled: false,
  };
}

/** 25 prefixes for each carrier: country codes, area codes and ranges, a default for a few. */
function prefixLists() {
  const areas = ['+1', '+44', '+49', '+33'];
  return Array.from({ length: SIZES.carriers }, (_, index) => {
    const list = new Set(index < 5 ? ['+'] : []);
    while (list.size < SIZES.prefixes / SIZES.carriers) list.add(areas[below(4)] + digits(1 + below(5)));
    return [...list];
  });
}

function resources() {
  const lists = prefixLists();
  return {
    ...embeddedDefaults(),
    domain: 'voice.example.com',
    voiceConnectors: Array.from({ length: SIZES.connectors }, (_, index) => connector(index)),
    carriers: Array.from({ length: SIZES.carriers }, (_, index) => carrier(index, lists[index])),
  };
}

function facts(more) {
  return {
    method: 'INVITE',
    toHost: '203.0.113.10',
    assertedUser: undefined,
    tlsServerName: undefined,
    tlsPeerNames: [],
    localAddresses: ['203.0.113.10', '203.0.113.10:5060'],
    offer: 'RTP/AVP',
    authentication: { state: 'none' },
    ...more,
  };
}

const DESTINATIONS = [
  () => `+1${below(2) ? 415 : 212}${555}${digits(4)}`,
  () => `+1416555${digits(4)}`,
  () => `+4420794${digits(5)}`,
  () => `+4930${digits(8)}`,
  () => `+331${digits(8)}`,
];

const outbound = () => {
  const index = below(SIZES.connectors);
  const host = `${idOf(index)}.voice.example.com`;
  return facts({
    requestUri: { scheme: 'sip', user: DESTINATIONS[below(DESTINATIONS.length)](), host, port: undefined },
    fromUser: numberOf(index * (SIZES.numbers / SIZES.connectors) + below(100)),
    source: { address: `${addressOf(index)}.${1 + below(250)}`, port: 5060, protocol: 'UDP' },
  });
};

const inbound = () =>
  facts({
    requestUri: { scheme: 'sip', user: numberOf(below(SIZES.numbers)), host: '203.0.113.10', port: 5060 },
    fromUser: `+4420794${digits(5)}`,
    source: { address: `192.168.${below(SIZES.carriers)}.9`, port: 5060, protocol: 'UDP' },
  });

/**
 * Decisions a second of processor time, in windows of about 0.2 s after a warm-up of one second: the median, and the
 * best window, which is what a core gives when nothing else competes for its caches and its second thread. Beside them
 * the share admitted and the mean length of the plans.
 */
function measure(requests, snapshot, live, seconds) {
  let admitted = 0;
  let attempts = 0;
  let next = 0;
  const run = (count) => {
    for (let done = 0; done < count; done++) {
      const decision = decide(requests[next], snapshot, live, random);
      next = next + 1 === requests.length ? 0 : next + 1;
      if (decision.kind === 'refuse') continue;
      admitted++;
      attempts += decision.plan.length;
    }
  };
  for (const until = performance.now() + 1000; performance.now() < until; ) run(1000);
  admitted = attempts = 0;
  let decisions = 0;
  const windows = [];
  for (const until = performance.now() + seconds * 1000; performance.now() < until; ) {
    const start = process.cpuUsage();
    let spentUs = 0;
    let count = 0;
    while (spentUs < 200_000) {
      run(1000);
      count += 1000;
      const { user, system } = process.cpuUsage(start);
      spentUs = user + system;
    }
    windows.push((count * 1e6) / spentUs);
    decisions += count;
  }
  windows.sort((a, b) => a - b);
  return {
    median: Math.round(windows[windows.length >> 1]),
    best: Math.round(windows.at(-1)),
    admittedShare: admitted / decisions,
    meanPlan: attempts / Math.max(1, admitted),
  };
}

const all = resources();
const buildStart = performance.now();
const snapshot = buildSnapshot(all);
const buildMs = Math.round(performance.now() - buildStart);
const health = new TargetHealth({ missesToDown: 3, answersToUp: 2, restMs: 30_000, probed: true }, systemScheduler);
const live = new LiveState(snapshot, health, systemScheduler, {
  draining: false,
  overloaded: false,
  mediaPortsFree: 1000,
});
const seconds = Number(values.seconds);
const result = {
  sizes: SIZES,
  machine: `${cpus()[0]?.model} x ${cpus().length}, Node ${process.version}`,
  snapshotMs: buildMs,
  ...(values.only === 'inbound'
    ? {}
    : { outbound: measure(Array.from({ length: REQUESTS }, outbound), snapshot, live, seconds) }),
  ...(values.only === 'outbound'
    ? {}
    : { inbound: measure(Array.from({ length: REQUESTS }, inbound), snapshot, live, seconds) }),
  goalPerSecond: GOAL,
};

if (values.json) process.stdout.write(`${JSON.stringify(result)}\n`);
else {
  const line = (name, { median, best, admittedShare, meanPlan }) =>
    `${name.padEnd(9)} ${best} decisions per core-second in the best window (${(1e6 / best).toFixed(2)} us each), ${median} in the median; ` +
    `${(admittedShare * 100).toFixed(1)} % admitted, ${meanPlan.toFixed(1)} targets a plan`;
  const text = [
    `${SIZES.connectors} connectors, ${SIZES.numbers} numbers, ${SIZES.carriers} carriers, ${SIZES.prefixes} prefixes on ${result.machine}`,
    `snapshot  built in ${buildMs} ms`,
    ...(result.outbound ? [line('outbound', result.outbound)] : []),
    ...(result.inbound ? [line('inbound', result.inbound)] : []),
    `goal: ${GOAL} decisions per core-second`,
  ];
  process.stdout.write(`${text.join('\n')}\n`);
}
process.exitCode = (result.outbound ?? result.inbound).best >= GOAL ? 0 : 1;
