import type { Environment, ReadText } from './expand.js';
import { loadConfig, systemFiles } from './loader.js';
import { type LoadBeside, loadBeside } from './reading/load-beside.js';
import type { GatewayConfig, LoadOutcome } from './types.js';

/**
 * A configuration file that is loaded again and again. Where neither it nor any file it names has changed since it was
 * found valid, the outcome is that one again, the same object; what is read anew shares every part that is equal with
 * the last valid configuration.
 */
export class ConfigFile {
  readonly #path: string;
  readonly #env: Environment;
  readonly #read: ReadText;
  readonly #loadBeside: LoadBeside;
  /** Every file of the last valid outcome, with its text. */
  #texts: ReadonlyMap<string, string> = new Map();
  #outcome: LoadOutcome | undefined;
  #lastValid: GatewayConfig | undefined;

  constructor(path: string, env: Environment, read: ReadText = systemFiles, beside: LoadBeside = loadBeside) {
    this.#path = path;
    this.#env = env;
    this.#read = read;
    this.#loadBeside = beside;
  }

  /** At once, in the calling thread: a large file takes a second of it. */
  load(): LoadOutcome {
    if (this.#unchanged()) return this.#outcome!;
    const texts = new Map<string, string>();
    const outcome = loadConfig(this.#path, this.#env, (path) => {
      const text = this.#read(path);
      texts.set(path, text);
      return text;
    });
    return this.#keep(outcome, texts);
  }

  /**
   * In a thread of its own, while this one goes on. One at a time.
   * @param signal ends it: the promise is rejected then
   */
  async loadBeside(signal?: AbortSignal): Promise<LoadOutcome> {
    if (this.#unchanged()) return this.#outcome!;
    const { outcome, texts } = await this.#loadBeside(this.#path, this.#env, this.#lastValid, signal);
    return this.#keep(outcome, texts);
  }

  #keep(outcome: LoadOutcome, texts: ReadonlyMap<string, string>): LoadOutcome {
    this.#outcome = outcome.ok ? outcome : undefined;
    this.#texts = texts;
    if (outcome.ok) this.#lastValid = outcome.config;
    return outcome;
  }

  #unchanged(): boolean {
    return this.#outcome !== undefined && [...this.#texts].every(([path, text]) => this.#holds(path, text));
  }

  #holds(path: string, text: string): boolean {
    try {
      return this.#read(path) === text;
    } catch {
      // Gone or unreadable: loading it again says so, with the reason.
      return false;
    }
  }
}
