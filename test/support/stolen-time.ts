import { readFileSync } from 'node:fs';

/** Ticks of 10 ms that the machine's owner has taken from all processors since it started (proc_stat(5), `steal`). */
function stolenTicks(): number {
  const [, ...fields] = readFileSync('/proc/stat', 'utf8').split('\n')[0]!.split(/\s+/);
  return Number(fields[7] ?? 0);
}

/**
 * Measures on a machine that may be taken away meanwhile, when figures say how long processes stood still: up to `tries`
 * times, until no more than `enoughTicks` were stolen, and gives what was disturbed least, whatever it turned out to be.
 */
export async function leastDisturbed<T>(measure: () => Promise<T>, enoughTicks = 20, tries = 3): Promise<T> {
  let best: { stolen: number; outcome: T } | undefined;
  for (let made = 0; made < tries && (best === undefined || best.stolen > enoughTicks); made++) {
    const before = stolenTicks();
    const outcome = await measure();
    const stolen = stolenTicks() - before;
    if (best === undefined || stolen < best.stolen) best = { stolen, outcome };
    process.stdout.write(`${stolen * 10} ms of processor time were stolen meanwhile\n`);
  }
  return best!.outcome;
}
