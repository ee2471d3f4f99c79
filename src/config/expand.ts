import { formatPath, type Path } from './path.js';
import type { ConfigFault } from './types.js';

/**
 * What a configuration takes from elsewhere, before the schema sees it:
 *
 *     "${NAME}"  anywhere in a text   →  the environment variable (a fault when it is not set)
 *     "${NAME:-fallback}"             →  …, or the fallback
 *     "$${"                           →  a literal "${"
 *     secret: { file: path }          →  the file's text, its last line break removed
 *     secretFile: path                →  the same; likewise passwordFile, secretAccessKeyFile
 */

export type Environment = Readonly<Record<string, string | undefined>>;

/** Reads a file as text; throws where it cannot. */
export type ReadText = (path: string) => string;

const SECRET_KEYS: ReadonlySet<string> = new Set(['secret', 'password', 'secretAccessKey']);

const VARIABLE = /\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}|\$\{/g;

export class Expander {
  readonly #env: Environment;
  readonly #read: ReadText;
  readonly #faults: ConfigFault[];

  /** Faults are appended to `faults`. */
  constructor(env: Environment, read: ReadText, faults: ConfigFault[]) {
    this.#env = env;
    this.#read = read;
    this.#faults = faults;
  }

  /** A copy of `value` with everything expanded. Where something cannot be, its text stays and a fault is noted. */
  expand(value: unknown, path: Path = []): unknown {
    if (typeof value === 'string') return this.#expandText(value, path);
    if (Array.isArray(value)) return value.map((item, index) => this.expand(item, [...path, index]));
    if (typeof value !== 'object' || value === null) return value;
    return this.#expandMap(value as Record<string, unknown>, path);
  }

  #expandMap(map: Record<string, unknown>, path: Path): Record<string, unknown> {
    const expanded: Record<string, unknown> = Object.create(null);
    for (const [key, value] of Object.entries(map)) {
      const here = [...path, key];
      const base = key.endsWith('File') ? key.slice(0, -'File'.length) : undefined;
      if (base !== undefined && SECRET_KEYS.has(base)) this.#takeSecretFile(expanded, map, base, value, here);
      else if (SECRET_KEYS.has(key) && isFileReference(value)) expanded[key] = this.#fileText(value.file, here);
      else expanded[key] = this.expand(value, here);
    }
    return { ...expanded };
  }

  #takeSecretFile(into: Record<string, unknown>, map: object, base: string, value: unknown, path: Path): void {
    if (base in map) this.#fault(path, `must not stand beside ${base}: give one of the two`);
    else if (typeof value !== 'string') this.#fault(path, 'must be the path of a file');
    else into[base] = this.#fileText(value, path);
  }

  #fileText(file: string, path: Path): string {
    const name = this.#expandText(file, path);
    try {
      return this.#read(name).replace(/\r?\n$/, '');
    } catch (error) {
      this.#fault(path, `names a file that cannot be read: ${name} (${reasonOf(error)})`);
      return 'unreadable';
    }
  }

  #expandText(text: string, path: Path): string {
    if (!text.includes('${')) return text;
    return text.replace(VARIABLE, (whole, name: string | undefined, fallback: string | undefined) => {
      if (whole === '$${') return '${';
      const value = name === undefined ? undefined : this.#env[name] || fallback;
      if (value !== undefined) return value;
      if (name === undefined) this.#fault(path, 'holds a placeholder whose name is not one of letters, digits and “_”');
      else this.#fault(path, `needs the environment variable ${name}, which is not set`);
      return whole;
    });
  }

  #fault(path: Path, message: string): void {
    this.#faults.push({ path: formatPath(path), message });
  }
}

const isFileReference = (value: unknown): value is { file: string } =>
  typeof value === 'object' &&
  value !== null &&
  Object.keys(value).length === 1 &&
  typeof (value as { file?: unknown }).file === 'string';

/** The system's short word for why a file could not be read, such as ENOENT. */
export const reasonOf = (error: unknown): string =>
  error instanceof Error ? ((error as NodeJS.ErrnoException).code ?? error.message) : String(error);
