import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { freePort, freePorts } from '../../support/ports.js';
import { eventually, pause } from '../../support/program.js';
import { scratchDirectory } from '../../support/scratch.js';
import { readWav, type Sound, writeWav } from '../../support/wav.js';

/** A linphone console phone: speaks from a WAV file, records what it hears, takes its orders on standard input. */

export interface LinphoneOptions {
  readonly user: string;
  readonly speech: Sound;
  readonly autoAnswer?: boolean;
  /** SRTP keyed by SDES and nothing else, with these suites in this order; absent: media in clear. */
  readonly suites?: readonly string[];
}

export class Linphone {
  readonly port: number;
  readonly #child: ChildProcess;
  readonly #directory: string;
  #text = '';

  constructor(port: number, child: ChildProcess, directory: string) {
    this.port = port;
    this.#child = child;
    this.#directory = directory;
    for (const stream of [child.stdout!, child.stderr!]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.#text += text;
      });
    }
  }

  order(line: string): void {
    this.#child.stdin!.write(`${line}\n`);
  }

  /** Waits until it has said so on its console. */
  says(what: RegExp, limitMs = 15_000): Promise<unknown> {
    return eventually(`linphone says ${what}`, () => what.test(this.#text), limitMs).catch((error: Error) => {
      throw new Error(`${error.message}\n${this.#text.slice(-3000)}`);
    });
  }

  heard(): Sound {
    return readWav(join(this.#directory, 'heard.wav'));
  }

  async quit(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = new Promise((resolve) => this.#child.once('exit', resolve));
    this.order('quit');
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), 4000);
    await ended;
    clearTimeout(timer);
  }
}

/** Starts a linphone on a free port of 127.0.0.1. */
export async function startLinphone(options: LinphoneOptions): Promise<Linphone> {
  const directory = scratchDirectory();
  const port = await freePort();
  mkdirSync(join(directory, '.local', 'share', 'linphone'), { recursive: true });
  writeWav(join(directory, 'speech.wav'), options.speech);
  writeFileSync(join(directory, 'linphonerc'), configuration(options, port, await freePorts(2)));
  const args = ['-c', join(directory, 'linphonerc'), '-d', '0', ...(options.autoAnswer ? ['-a'] : [])];
  const child = spawn('linphonec', args, { env: { ...process.env, HOME: directory, TERM: 'dumb' } });
  const phone = new Linphone(port, child, directory);
  onTestFinished(() => phone.quit());
  await phone.says(/linphonec>/);
  phone.order('soundcard use files');
  phone.order(`play ${join(directory, 'speech.wav')}`);
  phone.order(`record ${join(directory, 'heard.wav')}`);
  await pause(300);
  return phone;
}

function configuration({ user, suites }: LinphoneOptions, port: number, mediaPort: number): string {
  const lines = ['[sip]', `sip_port=${port}`, 'sip_tcp_port=0', 'sip_tls_port=0', 'default_proxy=-1', 'use_ipv6=0'];
  lines.push(
    `contact="${user}" <sip:${user}@127.0.0.1>`,
    'bind_address=127.0.0.1',
    'register_only_when_network_is_up=0',
  );
  if (suites) {
    lines.push('media_encryption=srtp', 'media_encryption_mandatory=1', `srtp_crypto_suites=${suites.join(', ')}`);
  }
  lines.push('[rtp]', `audio_rtp_port=${mediaPort}`, 'rtcp_mux=0', '[net]', 'stun_server=', 'ipv6=0');
  lines.push('[audio_codec_0]', 'mime=PCMU', 'rate=8000', 'channels=1', 'enabled=1');
  lines.push('[misc]', 'add_missing_audio_codecs=0', 'version_check_url_root=', '');
  return lines.join('\n');
}
