import { parentPort } from 'node:worker_threads';
import { type WholeFile, writeBatch } from './write-batch.js';

/** The thread that writes records: a batch comes in, its outcome goes out. */
parentPort?.on('message', (files: readonly WholeFile[]) => parentPort?.postMessage(writeBatch(files)));
