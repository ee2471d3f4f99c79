import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { freePort, freePorts } from './ports.js';
import { eventually, Program } from './program.js';
import { scratchDirectory } from './scratch.js';
import { readWav, type Sound, writeWav } from './wav.js';

/**
 * baresip phones: each speaks from a WAV file, records what it hears, and is told what to do over its control
 * socket (module ctrl_tcp: JSON in netstrings).
 */

export interface PhoneOptions {
  readonly user: string;
  /** What it says; should outlast the call. */
  readonly speech: Sound;
  readonly autoAnswer?: boolean;
  readonly password?: string;
  readonly transport?: 'udp' | 'tcp' | 'tls';
  /** PEM files: whom it trusts, and what it shows on the port above its SIP port. */
  readonly certificates?: { readonly ca: string; readonly certificate: string; readonly key: string };
  /** `srtp-mand`: takes and offers nothing but SRTP keyed by SDES; absent: media in clear. */
  readonly mediaEncryption?: 'srtp' | 'srtp-mand';
}

const MODULE_PATHS = [
  '/usr/lib/baresip/modules',
  '/usr/lib/x86_64-linux-gnu/baresip/modules',
  '/usr/local/lib/baresip/modules',
];

interface PhoneEvent {
  readonly type: string;
  readonly param?: string;
}

export class Phone {
  readonly port: number;
  readonly #program: Program;
  readonly #control: Socket;
  readonly #directory: string;
  readonly #events: PhoneEvent[] = [];
  #buffer = Buffer.alloc(0);

  constructor(port: number, program: Program, control: Socket, directory: string) {
    this.port = port;
    this.#program = program;
    this.#control = control;
    this.#directory = directory;
    control.on('data', (bytes) => this.#take(bytes));
    control.on('error', () => control.destroy());
  }

  /** Calls a SIP URI. */
  dial(uri: string): void {
    this.#send({ command: 'dial', params: uri });
  }

  hangUp(): void {
    this.#send({ command: 'hangup' });
  }

  answer(): void {
    this.#send({ command: 'accept' });
  }

  /** Keys a digit, as telephone-event. */
  key(digit: string): void {
    this.#send({ command: 'sndcode', params: digit });
  }

  /** Parameters of the events of this type so far, such as the digits of CALL_DTMF_START. */
  told(type: string): string[] {
    return this.#events.filter((event) => event.type === type).map(({ param = '' }) => param);
  }

  /** Waits until an event of this type has come, such as CALL_ESTABLISHED or CALL_CLOSED. */
  event(type: string, limitMs = 10_000): Promise<PhoneEvent> {
    return eventually(
      `${type} at ${this.port}`,
      () => this.#events.find((event) => event.type === type),
      limitMs,
    ).catch((error: Error) => {
      throw new Error(`${error.message}\nevents: ${JSON.stringify(this.#events)}\n${this.#program.tail()}`);
    });
  }

  /** What it has heard in its call. */
  heard(): Sound {
    const directory = join(this.#directory, 'sound');
    const file = readdirSync(directory).find((name) => name.endsWith('-dec.wav'));
    if (file === undefined) throw new Error(`nothing heard:\n${this.#program.tail()}`);
    return readWav(join(directory, file));
  }

  async stop(): Promise<void> {
    this.#control.destroy();
    await this.#program.stop('SIGTERM', 3000);
  }

  #send(command: object): void {
    const text = JSON.stringify(command);
    this.#control.write(`${Buffer.byteLength(text)}:${text},`);
  }

  #take(bytes: Buffer): void {
    this.#buffer = Buffer.concat([this.#buffer, bytes]);
    for (;;) {
      const colon = this.#buffer.indexOf(':');
      if (colon < 0) return;
      const size = Number(this.#buffer.toString('latin1', 0, colon));
      if (this.#buffer.length < colon + size + 2) return;
      const message = JSON.parse(this.#buffer.toString('utf8', colon + 1, colon + 1 + size)) as Partial<PhoneEvent>;
      this.#buffer = this.#buffer.subarray(colon + size + 2);
      if (message.type !== undefined) this.#events.push(message as PhoneEvent);
    }
  }
}

const START_TRIES = 3;

/** Starts a phone on a free port of 127.0.0.1 and waits until it is ready. */
export async function startPhone(options: PhoneOptions): Promise<Phone> {
  for (let tries = 1; ; tries++) {
    try {
      return await startOnFreePorts(options);
    } catch (error) {
      // Somebody else was quicker to one of its ports.
      if (tries === START_TRIES || !String(error).includes('Address already in use')) throw error;
    }
  }
}

async function startOnFreePorts(options: PhoneOptions): Promise<Phone> {
  const directory = scratchDirectory();
  // The port above the SIP port is baresip's own, for TLS.
  const port = await freePorts(2);
  const controlPort = await freePort();
  const mediaPort = await freePorts(40);
  mkdirSync(join(directory, 'sound'));
  writeWav(join(directory, 'speech.wav'), options.speech);
  writeFileSync(join(directory, 'config'), configuration(directory, port, controlPort, mediaPort, options));
  writeFileSync(join(directory, 'accounts'), account(options, port));
  writeFileSync(join(directory, 'contacts'), '');
  if (options.certificates) {
    const { certificate, key } = options.certificates;
    writeFileSync(join(directory, 'own.pem'), `${readFileSync(key, 'utf8')}${readFileSync(certificate, 'utf8')}`);
  }
  const program = new Program('baresip', ['-f', directory], { env: { HOME: directory, TERM: 'dumb' } });
  onTestFinished(() => void program.stop('SIGKILL'));
  await program.line((line) => line.includes('baresip is ready'));
  const phone = new Phone(port, program, await connectTo(controlPort), directory);
  onTestFinished(() => phone.stop());
  return phone;
}

function configuration(
  directory: string,
  port: number,
  controlPort: number,
  mediaPort: number,
  { mediaEncryption, certificates }: PhoneOptions,
): string {
  const sound = ['g711', 'aufile', 'aubridge', 'sndfile'];
  const modules = MODULE_PATHS.find((path) => existsSync(path));
  if (modules === undefined) throw new Error('baresip modules not found');
  return `${[
    `sip_listen 127.0.0.1:${port}`,
    'net_interface 127.0.0.1',
    `module_path ${modules}`,
    ...[...sound, ...(mediaEncryption ? ['srtp'] : [])].map((name) => `module ${name}.so`),
    'module_tmp account.so',
    ...['menu', 'ctrl_tcp'].map((name) => `module_app ${name}.so`),
    `ctrl_tcp_listen 127.0.0.1:${controlPort}`,
    `snd_path ${directory}/sound`,
    `audio_source aufile,${directory}/speech.wav`,
    `audio_player aubridge,heard`,
    'audio_alert aubridge,alert',
    ...['audio', 'ausrc', 'auplay'].flatMap((what) => [`${what}_srate 8000`, `${what}_channels 1`]),
    `rtp_ports ${mediaPort}-${mediaPort + 39}`,
    'jitter_buffer_delay 2-10',
    'statmode_default off',
    ...(certificates ? [`sip_certificate ${directory}/own.pem`, `sip_cafile ${certificates.ca}`] : []),
  ].join('\n')}\n`;
}

function account(options: PhoneOptions, port: number): string {
  const { user, autoAnswer, password, transport = 'udp', mediaEncryption } = options;
  const parameters = ['regint=0', 'audio_codecs=PCMU/8000/1'];
  if (autoAnswer) parameters.push('answermode=auto');
  if (mediaEncryption) parameters.push(`mediaenc=${mediaEncryption}`);
  if (password !== undefined) parameters.push(`auth_user=${user}`, `auth_pass=${password}`);
  return `<sip:${user}@127.0.0.1:${port};transport=${transport}>;${parameters.join(';')}\n`;
}

function connectTo(port: number): Promise<Socket> {
  return eventually(
    `baresip control on ${port}`,
    () =>
      new Promise<Socket | undefined>((resolve) => {
        const socket = connect(port, '127.0.0.1', () => resolve(socket));
        socket.once('error', () => resolve(undefined));
      }),
  );
}
