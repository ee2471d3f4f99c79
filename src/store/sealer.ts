import { createCipheriv, createDecipheriv, createHmac, randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { GatewayError } from '../core/index.js';

/**
 * Seals secrets at rest with AES-256-GCM: `v1:<nonce>:<tag>:<text>`, each part base64url. What a secret belongs to is
 * authenticated with it, so that a sealed text moved to another row does not open.
 *
 * The nonce is drawn from the system's generator and not from the injected one: two processes must never draw the same.
 */
export class Sealer {
  readonly #key: Buffer;

  /** @param key 32 bytes */
  constructor(key: Buffer) {
    this.#key = key;
  }

  seal(secret: string, context: string): string {
    const nonce = randomBytes(12);
    const cipher = createCipheriv('aes-256-gcm', this.#key, nonce).setAAD(Buffer.from(context));
    const text = Buffer.concat([cipher.update(secret, 'utf8'), cipher.final()]);
    return ['v1', ...[nonce, cipher.getAuthTag(), text].map((part) => part.toString('base64url'))].join(':');
  }

  /** A mark of a text that tells nothing of it, and is the same for the same text, given piece by piece: HMAC-SHA-256. */
  marker(): { add(piece: string): void; mark(): string } {
    const hmac = createHmac('sha256', this.#key);
    return { add: (piece) => void hmac.update(piece), mark: () => hmac.digest('base64url') };
  }

  /** @throws GatewayError `store.wrong-key` when it does not open */
  open(sealed: string, context: string): string {
    const [version, nonce, tag, text] = sealed.split(':');
    try {
      if (version !== 'v1') throw new Error(`sealed as ${version}`);
      const decipher = createDecipheriv('aes-256-gcm', this.#key, Buffer.from(nonce!, 'base64url'));
      decipher.setAAD(Buffer.from(context)).setAuthTag(Buffer.from(tag!, 'base64url'));
      return decipher.update(Buffer.from(text!, 'base64url'), undefined, 'utf8') + decipher.final('utf8');
    } catch (cause) {
      const message = `A secret of ${context} does not open: the store was written with another key`;
      throw new GatewayError('store.wrong-key', message, { origin: 'local', cause });
    }
  }
}

/**
 * The key: from `TRUNKLINE_KEY` (64 hexadecimal digits or base64 of 32 bytes), else from the file, which is made with
 * mode 0600 at the first start.
 * @throws GatewayError `store.bad-key`
 */
export function loadKey(fromEnvironment: string | undefined, path: string): Buffer {
  if (fromEnvironment !== undefined && fromEnvironment !== '') return decodeKey(fromEnvironment, 'TRUNKLINE_KEY');
  try {
    return decodeKey(readFileSync(path, 'utf8').trim(), path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const key = randomBytes(32);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `${key.toString('hex')}\n`, { mode: 0o600, flag: 'wx', flush: true });
  return key;
}

function decodeKey(text: string, where: string): Buffer {
  const key = /^[0-9a-f]{64}$/i.test(text) ? Buffer.from(text, 'hex') : Buffer.from(text, 'base64');
  if (key.length === 32) return key;
  throw new GatewayError('store.bad-key', `${where} must hold 32 bytes: 64 hexadecimal digits, or base64`, {
    origin: 'local',
  });
}
