import { describe, expect, it } from 'vitest';
import { checkConfig, type GatewayConfig, type LoadOutcome } from '../../src/config/index.js';
import type { Logger } from '../../src/core/index.js';
import { Reloader } from '../../src/gateway/reloader.js';
import { ResourceError } from '../../src/store/index.js';

const silent = { info() {}, warn() {}, error() {}, debug() {} } as unknown as Logger;

const outcomeOf = (value: object): LoadOutcome => checkConfig(value);
const configOf = (value: object): GatewayConfig => {
  const outcome = outcomeOf(value);
  if (!outcome.ok) throw new Error(JSON.stringify(outcome.faults));
  return outcome.config;
};

/** Something that is asked for, and given when the test says. */
class Asked<Value> {
  readonly #waiting: { give: (value: Value) => void; fail: (error: Error) => void }[] = [];
  asked = 0;

  ask(signal?: AbortSignal): Promise<Value> {
    this.asked++;
    return new Promise((give, fail) => {
      this.#waiting.push({ give, fail });
      signal?.addEventListener('abort', () => fail(new Error('aborted')));
    });
  }

  get next() {
    return this.#waiting.shift()!;
  }
}

function scene() {
  const loads = new Asked<LoadOutcome>();
  const declares = new Asked<void>();
  const told: string[] = [];
  const reloader = new Reloader({
    config: configOf({ drainSeconds: 1 }),
    file: 'gateway.yaml',
    load: (signal) => loads.ask(signal),
    catalogue: {
      declare: (config) => {
        told.push(`declare ${config.drainSeconds}`);
        return declares.ask();
      },
      note: async (who, action) => void told.push(`${action} by ${who}`),
    },
    renewCertificates: ({ drainSeconds }) => {
      if (drainSeconds === 666) throw new Error('no such certificate');
      told.push(`certificates ${drainSeconds}`);
    },
    logger: silent,
  });
  return { reloader, loads, declares, told };
}

const settled = () => new Promise((resolve) => setTimeout(resolve, 5));

describe('reloads', () => {
  it('asked for together come one after the other, each with the difference to the one before', async () => {
    const { reloader, loads, declares, told } = scene();
    const [first, second] = [reloader.reload('SIGHUP'), reloader.reload('key:ops')];
    await settled();
    expect(loads.asked).toBe(1);
    loads.next.give(outcomeOf({ drainSeconds: 2 }));
    await settled();
    expect([loads.asked, declares.asked]).toEqual([1, 1]);
    declares.next.give();
    expect(await first).toMatchObject([{ path: 'drainSeconds', before: 1, after: 2 }]);
    await settled();
    loads.next.give(outcomeOf({ drainSeconds: 3 }));
    await settled();
    declares.next.give();
    expect(await second).toMatchObject([{ path: 'drainSeconds', before: 2, after: 3 }]);
    expect(told).toEqual([
      'certificates 2',
      'declare 2',
      'reload by SIGHUP',
      'certificates 3',
      'declare 3',
      'reload by key:ops',
    ]);
  });

  it('of a file with faults change nothing and name each; the next one goes its way', async () => {
    const { reloader, loads, declares, told } = scene();
    const refused = reloader.reload('SIGHUP');
    const after = reloader.reload('SIGHUP');
    await settled();
    loads.next.give(outcomeOf({ drainSeconds: -1, region: 7 }));
    await expect(refused).rejects.toMatchObject({
      code: 'store.invalid',
      faults: [{ path: 'region' }, { path: 'drainSeconds' }],
    });
    expect(told).toEqual([]);
    await settled();
    loads.next.give(outcomeOf({ drainSeconds: 2 }));
    await settled();
    declares.next.give();
    expect(await after).toHaveLength(1);
  });

  it('of the very configuration in force declare nothing', async () => {
    const { reloader, loads, declares } = scene();
    const outcome = outcomeOf({ drainSeconds: 2 });
    for (const changes of [1, 0]) {
      const reload = reloader.reload('SIGHUP');
      await settled();
      loads.next.give(outcome);
      await settled();
      if (changes > 0) declares.next.give();
      expect(await reload).toHaveLength(changes);
    }
    expect(declares.asked).toBe(1);
  });

  it('that clash with what the API made leave the certificates of before', async () => {
    const { reloader, loads, declares, told } = scene();
    const clash = reloader.reload('SIGHUP');
    await settled();
    loads.next.give(outcomeOf({ drainSeconds: 2 }));
    await settled();
    declares.next.fail(new ResourceError('invalid', 'clash'));
    await expect(clash).rejects.toThrow('clash');
    expect(told).toEqual(['certificates 2', 'declare 2', 'certificates 1']);
  });

  it('whose certificates cannot be read declare nothing', async () => {
    const { reloader, loads, declares } = scene();
    const refused = reloader.reload('SIGHUP');
    await settled();
    loads.next.give(outcomeOf({ drainSeconds: 666 }));
    await expect(refused).rejects.toThrow('no such certificate');
    expect(declares.asked).toBe(0);
  });

  it('without a file are refused', async () => {
    const catalogue = { declare: () => Promise.resolve(), note: () => Promise.resolve() };
    const none = new Reloader({
      config: configOf({}),
      file: '',
      load: undefined,
      catalogue,
      renewCertificates() {},
      logger: silent,
    });
    await expect(none.reload('SIGHUP')).rejects.toMatchObject({ code: 'store.conflict' });
  });
});

describe('stopping', () => {
  it('while a file is read ends the reading and changes nothing; so do reloads that wait, and later ones', async () => {
    const { reloader, told } = scene();
    const [reading, waiting] = [reloader.reload('SIGHUP'), reloader.reload('key:ops')];
    const refused = [reading, waiting].map((one) => expect(one).rejects.toMatchObject({ code: 'store.conflict' }));
    await settled();
    await reloader.stop();
    await Promise.all(refused);
    await expect(reloader.reload('SIGHUP')).rejects.toMatchObject({ code: 'store.conflict' });
    expect(told).toEqual([]);
  });

  it('while a file is put in force waits until it is', async () => {
    const { reloader, loads, declares, told } = scene();
    const reload = reloader.reload('SIGHUP');
    await settled();
    loads.next.give(outcomeOf({ drainSeconds: 2 }));
    await settled();
    let stopped = false;
    const stop = reloader.stop().then(() => {
      stopped = true;
    });
    await settled();
    expect(stopped).toBe(false);
    declares.next.give();
    expect(await reload).toHaveLength(1);
    await stop;
    expect(told.at(-1)).toBe('reload by SIGHUP');
  });
});
