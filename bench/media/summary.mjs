// What a log of outcomes comes to: medians over the rounds, beside rtpengine's and the bare C relay's.
import { cpus } from 'node:os';

/** The middle value; of an even number the upper one. */
export const median = (values) => {
  const sorted = values.filter((value) => value !== undefined).sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
};

const COLUMNS = ['pps', 'usPerPacket', 'core', 'p50Us', 'p99Us', 'rssKb', 'kbPerCall', 'loss'];

/** @returns a table for each measurement, as text */
export function summary(outcomes) {
  const groups = new Map();
  for (const outcome of outcomes) {
    const { what, kind, relay, calls } = outcome;
    const key = `${what} ${kind} ${what === 'scale' ? calls : ''}`.trim();
    const group = groups.get(key) ?? new Map();
    group.set(relay, [...(group.get(relay) ?? []), outcome]);
    groups.set(key, group);
  }
  const head = `medians; ${cpus()[0].model}; Node ${process.version}; a ratio is to rtpengine, us over us unless it is of rates or memory\n`;
  return head + [...groups].map(([key, group]) => table(key, group)).join('');
}

function table(key, group) {
  const medians = new Map(
    [...group].map(([relay, list]) => [
      relay,
      Object.fromEntries(COLUMNS.map((column) => [column, median(list.map((outcome) => columnOf(outcome, column)))])),
    ]),
  );
  const rows = [...medians].map(([relay, row]) => [
    relay + (group.get(relay).some(({ limited }) => limited) ? ' (load-limited)' : ''),
    group.get(relay).length,
    ...COLUMNS.map((column) => show(row[column])),
    ratio(key, row, medians.get('rtpengine')),
  ]);
  const lines = [[key, 'rounds', ...COLUMNS, 'ratio'], ...rows];
  return `\n${lines.map((line) => line.map((cell, at) => String(cell).padEnd(at === 0 ? 28 : 12)).join('')).join('\n')}\n`;
}

/** `core`: share of its core that the relay used; well below 1 at its highest rate, the load maker was what gave out. */
const columnOf = (outcome, column) =>
  column === 'core' ? outcome.usPerPacket && (outcome.pps * outcome.usPerPacket) / 1e6 : outcome[column];

const show = (value) => (value === undefined ? '' : Number(value.toPrecision(4)));

function ratio(key, row, base) {
  if (!base) return '';
  if (key.startsWith('max')) {
    return `${(row.pps / base.pps).toFixed(2)}, by us ${(base.usPerPacket / row.usPerPacket).toFixed(2)}`;
  }
  if (key.startsWith('memory')) return (row.kbPerCall / base.kbPerCall).toFixed(2);
  return `${(base.usPerPacket / row.usPerPacket).toFixed(2)}, p99 ${(row.p99Us / base.p99Us).toFixed(2)}`;
}
