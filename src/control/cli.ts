import { parseArgs } from 'node:util';

/**
 * The command line: `trunkline <command> [options]`. Exit status 0 on success, 2 on a usage or configuration error
 * with one line per fault on standard error.
 */
export type Command =
  | { readonly name: 'serve'; readonly config: string | undefined }
  | { readonly name: 'check'; readonly config: string | undefined; readonly json: boolean }
  | {
      readonly name: 'route';
      readonly config: string | undefined;
      readonly json: boolean;
      readonly route: RouteQuestion;
      /** Data directory whose store holds the resources; absent: the file's alone. */
      readonly dataDir: string | undefined;
    }
  | {
      readonly name: 'reload' | 'drain' | 'calls';
      readonly config: string | undefined;
      readonly json: boolean;
    }
  | { readonly name: 'call'; readonly config: string | undefined; readonly json: boolean; readonly id: string }
  | {
      readonly name: 'capture';
      readonly config: string | undefined;
      readonly json: boolean;
      readonly capture: CaptureQuestion;
    }
  | { readonly name: 'hold'; readonly config: string | undefined; readonly json: boolean; readonly hold: HoldOrder }
  | {
      readonly name: 'emergency-check';
      readonly config: string | undefined;
      readonly json: boolean;
      readonly check: EmergencyQuestion;
    }
  | { readonly name: 'help' }
  | { readonly name: 'version' };

/** What `trunkline route` asks. */
export interface RouteQuestion {
  readonly from: string;
  readonly to: string;
  /** Id or name; absent: told by the source, or the only one there is. */
  readonly connector: string | undefined;
  /** Source address of the imagined request; absent: one the connector allows. */
  readonly source: string | undefined;
  /** Treat the request as coming from a carrier: the called number decides. */
  readonly inbound: boolean;
}

/** What `trunkline capture` asks. */
export interface CaptureQuestion {
  readonly transactionId: string;
  readonly seconds: number;
  /** Legs with SRTP decrypted. */
  readonly plain: boolean;
}

/** What `trunkline hold` is to do; without an order it lists. */
export type HoldOrder =
  | { readonly kind: 'list' }
  | { readonly kind: 'release'; readonly voiceConnectorId: string; readonly country: string };

/** What `trunkline emergency-check` looks at. */
export interface EmergencyQuestion {
  /** Id or name; absent: the only one there is. */
  readonly connector: string | undefined;
  /** Calling number of the rehearsal; absent: the connector's first. */
  readonly from: string | undefined;
  /** File with a PIDF-LO document. */
  readonly pidf: string | undefined;
  /** Call the test number through the running gateway. */
  readonly call: boolean;
}

export class UsageError extends Error {}

export const USAGE = `usage: trunkline <command> [options]

  serve   --config FILE                     run the gateway (without --config: embedded defaults)
  check   --config FILE [--json]            validate a configuration and print what is in force, secrets hidden
  route   --from NUMBER --to NUMBER [--connector ID|NAME] [--source ADDRESS] [--inbound] [--data DIR] --config FILE [--json]
                                            decide a call without placing it, and print each check;
                                            --data: with the resources of the store in DIR
  reload  --config FILE [--json]            have the running gateway read its file again
  drain   --config FILE [--json]            have it take no new calls
  calls   --config FILE [--json]            its calls in progress
  call    ID --config FILE [--json]         one of them, or of the latest that ended, with its trace
  capture ID [--seconds N] [--plain] --config FILE [--json]
                                            write a running call's RTP to a file; --plain: SRTP decrypted
  hold    list | release CONNECTOR COUNTRY  --config FILE [--json]
                                            countries held by the fraud brakes
  emergency-check [--connector ID|NAME] [--from NUMBER] [--pidf FILE] [--call] --config FILE [--json]
                                            look over emergency calling; with --call, call the test number
  demo    [--once]                          place a real call between two ends of our own, and tell its story
  help, version

reload, drain, calls, call, capture, hold and --call speak to the gateway at api.listen with the first admin key of the file.
`;

/** @throws UsageError naming what is wrong */
export function parseCommand(argv: readonly string[]): Command {
  const { values, positionals } = parse(argv);
  const [name, ...extra] = positionals;
  if (values.help || name === 'help' || name === undefined) return { name: 'help' };
  if (values.version || name === 'version') return { name: 'version' };
  const { config, json = false } = values;
  if (name === 'call') {
    if (extra.length !== 1) throw new UsageError('call needs one transactionId');
    return { name, config, json, id: extra[0]! };
  }
  if (name === 'capture') return { name, config, json, capture: captureQuestion(extra, values) };
  if (name === 'hold') return { name, config, json, hold: holdOrder(extra) };
  if (extra.length > 0) throw new UsageError(`unexpected argument ${JSON.stringify(extra[0])}`);
  if (name === 'reload' || name === 'drain' || name === 'calls') return { name, config, json };
  if (name === 'emergency-check') {
    const { connector, from, pidf, call = false } = values;
    return { name, config, json, check: { connector, from, pidf, call } };
  }
  if (name === 'serve') return { name, config };
  if (name === 'check') return { name, config, json };
  if (name === 'route') return { name, config, json, route: routeQuestion(values), dataDir: values.data };
  throw new UsageError(`unknown command ${JSON.stringify(name)}; see trunkline help`);
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        config: { type: 'string', short: 'c' },
        json: { type: 'boolean' },
        from: { type: 'string' },
        to: { type: 'string' },
        connector: { type: 'string' },
        source: { type: 'string' },
        inbound: { type: 'boolean' },
        data: { type: 'string' },
        pidf: { type: 'string' },
        call: { type: 'boolean' },
        seconds: { type: 'string' },
        plain: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
        version: { type: 'boolean' },
      },
    });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function captureQuestion(words: readonly string[], values: ReturnType<typeof parse>['values']): CaptureQuestion {
  const { seconds = '30', plain = false } = values;
  if (words.length !== 1) throw new UsageError('capture needs one transactionId');
  if (!/^[0-9]{1,3}$/.test(seconds)) throw new UsageError('--seconds takes a whole number');
  return { transactionId: words[0]!, seconds: Number(seconds), plain };
}

function holdOrder(words: readonly string[]): HoldOrder {
  const [verb = 'list', voiceConnectorId, country, ...more] = words;
  if (verb === 'list' && voiceConnectorId === undefined) return { kind: 'list' };
  if (verb === 'release' && voiceConnectorId !== undefined && country !== undefined && more.length === 0) {
    return { kind: 'release', voiceConnectorId, country };
  }
  throw new UsageError('hold takes: list, or release CONNECTOR COUNTRY');
}

function routeQuestion(values: ReturnType<typeof parse>['values']): RouteQuestion {
  const { from, to, connector, source, inbound = false } = values;
  if (from === undefined || to === undefined) throw new UsageError('route needs --from and --to');
  return { from, to, connector, source, inbound };
}
