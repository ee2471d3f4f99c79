import { freePort, freePorts } from './ports.js';
import { Program } from './program.js';

/** An rtpengine daemon in user space, on 127.0.0.1. */
export interface RtpengineDaemon {
  readonly port: number;
  /** Ends it as a crash would. */
  kill(): Promise<void>;
}

/** Starts a daemon with `pairs` port pairs, and `more` arguments, and waits until it answers. */
export async function startRtpengine(pairs = 100, more: readonly string[] = []): Promise<RtpengineDaemon> {
  const port = await freePort();
  const first = await freePorts(2 * pairs);
  const program = new Program('rtpengine', [
    ...['--config-file=none', '--table=-1', '--interface=127.0.0.1', `--listen-ng=127.0.0.1:${port}`],
    ...['--foreground', '--log-stderr', `--port-min=${first}`, `--port-max=${first + 2 * pairs - 1}`],
    ...['--num-threads=1', '--delete-delay=0', ...more],
  ]);
  await program.line((line) => line.includes('Startup complete'));
  return { port, kill: () => program.stop('SIGKILL').then(() => {}) };
}
