import { parentPort, workerData } from 'node:worker_threads';
import { loadConfig, systemFiles } from '../loader.js';
import { headOf, type ReadingOrder, slicesOf } from './slices.js';

/** The thread that reads, parses and validates a configuration file while signalling goes on (slices.ts). */

const { path, env } = workerData as ReadingOrder;
const texts = new Map<string, string>();
const outcome = loadConfig(path, env, (file) => {
  const text = systemFiles(file);
  texts.set(file, text);
  return text;
});
const slices = slicesOf(outcome)[Symbol.iterator]();
parentPort!.on('message', () => parentPort!.postMessage(slices.next().value));
parentPort!.postMessage(headOf(outcome, texts));
