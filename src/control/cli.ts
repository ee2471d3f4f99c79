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

export class UsageError extends Error {}

export const USAGE = `usage: trunkline <command> [options]

  serve   --config FILE                     run the gateway (without --config: embedded defaults)
  check   --config FILE [--json]            validate a configuration and print what is in force, secrets hidden
  route   --from NUMBER --to NUMBER [--connector ID|NAME] [--source ADDRESS] [--inbound] --config FILE [--json]
                                            decide a call without placing it, and print each check
  help, version
`;

/** @throws UsageError naming what is wrong */
export function parseCommand(argv: readonly string[]): Command {
  const { values, positionals } = parse(argv);
  const [name, ...extra] = positionals;
  if (values.help || name === 'help' || name === undefined) return { name: 'help' };
  if (values.version || name === 'version') return { name: 'version' };
  if (extra.length > 0) throw new UsageError(`unexpected argument ${JSON.stringify(extra[0])}`);
  const { config, json = false } = values;
  if (name === 'serve') return { name, config };
  if (name === 'check') return { name, config, json };
  if (name === 'route') return { name, config, json, route: routeQuestion(values) };
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
        help: { type: 'boolean', short: 'h' },
        version: { type: 'boolean' },
      },
    });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function routeQuestion(values: ReturnType<typeof parse>['values']): RouteQuestion {
  const { from, to, connector, source, inbound = false } = values;
  if (from === undefined || to === undefined) throw new UsageError('route needs --from and --to');
  return { from, to, connector, source, inbound };
}
