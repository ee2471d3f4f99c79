import { spawn, spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * One measurement of the signalling bench: a SIP server on core 0, SIPp's caller and answering side on core 1, some
 * seconds of calls at one rate (INVITE 100 180 200 ACK BYE 200, no hold). A rate is good when at most 0.1 % of the
 * calls failed and the calls came out at 0.9 of the rate asked or more.
 */

// Beside the ports of the shared load makers and of media, so that two benches on one machine are told apart.
export const KPORT = 5160;
export const DPORT = 5170;
const UAC_PORT = 5180;
const SOCKET_BUFFER = '8388608';
const READY_LIMIT_MS = 15_000;

/** The systems that can stand on core 0. `start` gives the command line, in a directory of its own. */
export function systems(benchDir, gatewayCommand) {
  return {
    kamailio: {
      port: KPORT,
      start: (directory) => {
        const config = readFileSync(join(benchDir, 'kamailio.cfg'), 'utf8')
          .replaceAll('KPORT', KPORT)
          .replaceAll('DPORT', DPORT);
        writeFileSync(join(directory, 'k.cfg'), config);
        return ['kamailio', '-f', join(directory, 'k.cfg'), '-DD', '-E', '-m', '512', '-M', '16', '-Y', directory];
      },
    },
    trunkline: { port: KPORT, start: () => gatewayCommand },
    direct: { port: DPORT, start: () => undefined },
  };
}

/** Command line that runs `line` on one core, before everything else where we may ask for that. */
const pinned = (core, line) => [
  ...(process.getuid?.() === 0 ? ['nice', '-n', '-20'] : []),
  'taskset',
  '-c',
  String(core),
  ...line,
];

/**
 * Runs `work(probe)`, where `probe(cps)` measures one rate on a running system; ends everything it started. After a
 * rate that failed the system rests, so that what it still had to do does not weigh on the next rate.
 */
export async function withSystem(system, benchDir, secondsPerRate, work) {
  const stage = await startStage(system, benchDir);
  const probe = async (cps) => {
    let outcome;
    // The second try decides: the first may have met a machine that was busy.
    for (let tries = 0; tries < 2; tries++) {
      outcome = once(system, benchDir, stage, cps, secondsPerRate);
      if (outcome.good) break;
      await pause(REST_MS);
    }
    return outcome;
  };
  try {
    return await work(probe);
  } finally {
    await stage.stop();
  }
}

const REST_MS = 3000;

/** What a system makes of rates that may be more than it can take. */
export async function overload(system, benchDir, rates, seconds, told) {
  const stage = await startStage(system, benchDir);
  try {
    for (const cps of rates) {
      told(once(system, benchDir, stage, cps, seconds));
      await pause(REST_MS);
    }
  } finally {
    await stage.stop();
  }
}

/** As a service would be, not as a process of a few seconds: compilers that learn while it runs have had their say. */
const WARM_UP_CPS = 200;
const WARM_UP_SECONDS = 15;

/** Starts a system on core 0 and SIPp's answering side on core 1, and warms them up. */
async function startStage(system, benchDir) {
  for (const port of [KPORT, DPORT, UAC_PORT]) {
    if (!(await udpIsFree(port))) throw new Error(`127.0.0.1:${port} is taken: does another bench run?`);
  }
  const directory = mkdtempSync(join(tmpdir(), 'trunkline-cps-'));
  const started = [];
  const start = (core, line) => {
    const [command, ...args] = pinned(core, line);
    const env = { ...process.env, KPORT: String(KPORT), DPORT: String(DPORT) };
    const child = spawn(command, args, { cwd: directory, stdio: 'ignore', env });
    child.ended = new Promise((resolve) => child.once('exit', resolve));
    started.push(child);
  };
  const stop = async () => {
    for (const child of started) child.kill('SIGTERM');
    const forced = setTimeout(() => started.map((child) => child.kill('SIGKILL')), 5000);
    await Promise.all(started.map((child) => child.ended));
    clearTimeout(forced);
    rmSync(directory, { recursive: true, force: true });
  };
  try {
    const line = system.start(directory);
    if (line) start(0, line);
    const answerer = ['sipp', '-sf', join(benchDir, 'uas.xml'), '-i', '127.0.0.1', '-p', String(DPORT)];
    start(1, [...answerer, '-nostdin', '-buff_size', SOCKET_BUFFER]);
    for (const port of new Set([system.port, DPORT])) await listening(port);
    const stage = { directory, stop, pid: line && started[0].pid };
    once(system, benchDir, stage, WARM_UP_CPS, WARM_UP_SECONDS);
    return stage;
  } catch (error) {
    await stop();
    throw error;
  }
}

/**
 * What a call costs: `windows` times `cps` for `seconds`; processor time of the system's processes per call, by thread.
 * The way to see what a change gained, in half a minute. The first windows tell how the just-in-time compiler warms up.
 */
export async function cost(system, benchDir, cps, seconds, windows, told) {
  const stage = await startStage(system, benchDir);
  try {
    for (let window = 0; window < windows; window++) told(once(system, benchDir, stage, cps, seconds));
  } finally {
    await stage.stop();
  }
}

async function listening(port) {
  const deadlineMs = Date.now() + READY_LIMIT_MS;
  while (await udpIsFree(port)) {
    if (Date.now() > deadlineMs) throw new Error(`nothing listens on 127.0.0.1:${port} after ${READY_LIMIT_MS} ms`);
    await pause(50);
  }
}

const udpIsFree = (port) =>
  new Promise((resolve) => {
    const socket = createSocket('udp4');
    socket.once('error', () => socket.close(() => resolve(false)));
    socket.bind(port, '127.0.0.1', () => socket.close(() => resolve(true)));
  });

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** One rate for some seconds. */
function once(system, benchDir, { directory, pid }, cps, seconds) {
  const calls = cps * seconds;
  const statistics = join(directory, 'st.csv');
  rmSync(statistics, { force: true });
  const before = coreBusy();
  const ticksBefore = threadTicks(pid);
  const line = [
    'sipp',
    '-sf',
    join(benchDir, 'uac.xml'),
    `127.0.0.1:${system.port}`,
    '-i',
    '127.0.0.1',
    '-p',
    String(UAC_PORT),
  ];
  line.push('-r', String(cps), '-m', String(calls), '-d', '0', '-l', '20000', '-nostdin', '-buff_size', SOCKET_BUFFER);
  line.push('-trace_stat', '-stf', statistics, '-fd', '1', '-timeout', '20', '-recv_timeout', '8000');
  const [command, ...args] = pinned(1, line);
  const { status, stderr } = spawnSync(command, args, {
    cwd: directory,
    stdio: ['ignore', 'ignore', 'pipe'],
    timeout: 30_000,
  });
  if (status !== null && status > 1 && status !== 97 && status !== 99) {
    throw new Error(`SIPp ended with ${status}: ${String(stderr).trim().slice(-500)}`);
  }
  const after = coreBusy();
  const threads = spent(ticksBefore, threadTicks(pid));
  return {
    ...judged(cps, calls, statistics, (after.busy - before.busy) / Math.max(1, after.all - before.all)),
    cpuUsPerCall: microsecondsPerCall(
      Object.values(threads).reduce((sum, ticks) => sum + ticks, 0),
      calls,
    ),
    threads: Object.fromEntries(
      Object.entries(threads).map(([name, ticks]) => [name, microsecondsPerCall(ticks, calls)]),
    ),
  };
}

const TICKS_PER_SECOND = 100;
const microsecondsPerCall = (ticks, calls) => Math.round((ticks * 1_000_000) / TICKS_PER_SECOND / calls);

/** Clock ticks so far of every thread of a process and of its descendants: thread id to name and ticks (proc(5)). */
function threadTicks(pid, found = new Map()) {
  if (pid === undefined) return found;
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    const stat = readFileSync(`/proc/${pid}/task/${thread}/stat`, 'utf8');
    const name = stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')'));
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    found.set(thread, {
      name: thread === String(pid) ? `${name} main` : name,
      ticks: Number(fields[11]) + Number(fields[12]),
    });
    const children = readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').trim();
    for (const child of children === '' ? [] : children.split(' ')) threadTicks(Number(child), found);
  }
  return found;
}

/** Ticks spent between two readings, by thread name, the dearest first. */
function spent(before, after) {
  const sums = {};
  for (const [thread, { name, ticks }] of after) {
    sums[name] = (sums[name] ?? 0) + ticks - (before.get(thread)?.ticks ?? 0);
  }
  return Object.fromEntries(Object.entries(sums).sort(([, a], [, b]) => b - a));
}

function judged(cps, calls, statistics, core0Busy) {
  const row = existsSync(statistics) ? lastRow(readFileSync(statistics, 'utf8')) : {};
  const ok = Number(row['SuccessfulCall(C)'] ?? 0);
  const [hours = 0, minutes = 0, seconds = 0] = (row['ElapsedTime(C)'] ?? '').split(':').map(Number);
  const elapsed = (hours * 60 + minutes) * 60 + seconds;
  const meanCps = elapsed > 0 ? ok / elapsed : 0;
  return {
    askedCps: cps,
    calls,
    ok,
    failed: Number(row['FailedCall(C)'] ?? 0),
    retransmissions: Number(row['Retransmissions(C)'] ?? 0),
    meanCps: Math.round(meanCps),
    core0Busy: Math.round(core0Busy * 100) / 100,
    good: ok >= calls * 0.999 && meanCps > cps * 0.9,
  };
}

function lastRow(csv) {
  const lines = csv.split('\n').filter((line) => line !== '');
  const values = lines.at(-1).split(';');
  return Object.fromEntries(lines[0].split(';').map((name, index) => [name, values[index]]));
}

/** Clock ticks of core 0 so far: busy, and all (the fields of /proc/stat, see proc(5)). */
function coreBusy() {
  const line = readFileSync('/proc/stat', 'utf8')
    .split('\n')
    .find((text) => text.startsWith('cpu0 '));
  const [user, nice, system, idle, , irq, softirq, steal] = line.split(/\s+/).slice(1).map(Number);
  const busy = user + nice + system + irq + softirq + steal;
  return { busy, all: busy + idle };
}
