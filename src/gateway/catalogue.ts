import { join } from 'node:path';
import type { GatewayConfig } from '../config/index.js';
import { GatewayError, systemScheduler } from '../core/index.js';
import { storedDigests } from '../sip/index.js';
import { Catalogue, type CatalogueParts, loadKey, Sealer, SqliteStore } from '../store/index.js';

/** Digests of a new user's password; the password itself is kept nowhere. */
export const digestMaker = (config: GatewayConfig) => (username: string, password: string) =>
  storedDigests(username, config.domain, password);

/** The resources in force: what the file declares and what the store holds. */
export function openCatalogue(
  config: GatewayConfig,
  file: string,
  hooks: Pick<CatalogueParts, 'onChange' | 'onAudit' | 'onWriteFailed'>,
): Promise<Catalogue> {
  return Catalogue.open(
    {
      store: openStore(config),
      sealer: new Sealer(loadKey(process.env.TRUNKLINE_KEY, join(config.dataDir, 'secret.key'))),
      makeDigests: digestMaker(config),
      wallMs: () => systemScheduler.wallMs(),
      ...hooks,
    },
    config,
    file,
  );
}

function openStore({ store }: GatewayConfig): SqliteStore {
  if (store.kind === 'sqlite') return new SqliteStore(store.path, systemScheduler.wallMs());
  throw new GatewayError('store.unsupported', 'Only sqlite: stores are built into this version', { origin: 'local' });
}
