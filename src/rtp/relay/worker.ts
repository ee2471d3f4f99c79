import { parentPort, workerData } from 'node:worker_threads';
import { SystemRandom } from '../../core/index.js';
import { warmUpHmacSha1 } from '../srtp/index.js';
import { alignedScheduler, type ClockPair } from './clock.js';
import type { RelayCommand, RelayReport } from './commands.js';
import { RelayHost } from './host.js';
import { bindUdpSocket } from './sockets.js';

/**
 * The program of a relay thread: a RelayHost on real sockets and real time. Signalling runs in another thread, so it
 * never delays a packet.
 */
export interface RelayWorkerData {
  readonly counters: SharedArrayBuffer;
  readonly clocks: ClockPair;
}

const port = parentPort;
if (port === null) throw new Error('relay/worker is the program of a worker thread');
const { counters, clocks } = workerData as RelayWorkerData;
const report = (message: RelayReport): void => port.postMessage(message);
const host = new RelayHost({
  counters,
  scheduler: alignedScheduler(clocks),
  random: new SystemRandom(),
  bind: bindUdpSocket,
  report,
});
port.on('message', (command: RelayCommand) => host.handle(command));
warmUpHmacSha1();
report({ kind: 'ready' });
