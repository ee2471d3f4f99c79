import { below, type Random } from '../../../core/index.js';
import type { SrvRecord } from './dns-port.js';

/**
 * Puts SRV records into the order to try them (RFC 2782): by priority; within one by a weighted draw without
 * replacement, those of weight 0 first in the running sum so that they have a small chance.
 */
export function orderSrv(records: readonly SrvRecord[], random: Random): SrvRecord[] {
  const byPriority = new Map<number, SrvRecord[]>();
  for (const record of records) byPriority.set(record.priority, [...(byPriority.get(record.priority) ?? []), record]);
  return [...byPriority.entries()].sort(([a], [b]) => a - b).flatMap(([, group]) => draw(group, random));
}

function draw(group: SrvRecord[], random: Random): SrvRecord[] {
  const left = [...group].sort((a, b) => Number(a.weight > 0) - Number(b.weight > 0));
  const order: SrvRecord[] = [];
  while (left.length > 0) {
    const total = left.reduce((sum, { weight }) => sum + weight, 0);
    const chosen = below(random, total + 1);
    let running = 0;
    const index = left.findIndex(({ weight }) => {
      running += weight;
      return running >= chosen;
    });
    order.push(...left.splice(index, 1));
  }
  return order;
}
