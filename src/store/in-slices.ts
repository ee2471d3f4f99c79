import { setImmediate as otherWork } from 'node:timers/promises';

/** What is gone through, `size` at a time; between two slices the event loop does its other work. */
export async function* inSlices<Item>(items: Iterable<Item>, size: number): AsyncIterable<readonly Item[]> {
  let slice: Item[] = [];
  for (const item of items) {
    slice.push(item);
    if (slice.length < size) continue;
    yield slice;
    slice = [];
    await otherWork();
  }
  if (slice.length > 0) yield slice;
}
