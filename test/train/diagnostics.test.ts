import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { expect, test } from 'vitest';
import { inFolder } from './checkpoint/resumed.js';
import { clusters, mlp } from './tiny.js';

test('a process hears of its fits: start, epochs, checkpoints, end and errors', async () => {
  const heard: [string, Record<string, unknown>][] = [];
  const names = ['start', 'epoch', 'checkpoint', 'end', 'error'].map((name) => `steepest:fit:${name}`);
  const listen = (message: unknown, name: string | symbol) =>
    heard.push([String(name).slice('steepest:fit:'.length), message as Record<string, unknown>]);
  for (const name of names) subscribe(name, listen);
  try {
    const model = mlp();
    await inFolder(async (dir) => {
      const history = await model.fit(clusters(8), { epochs: 2, checkpoint: dir, checkpointEvery: 1 });
      const of = (name: string) => heard.filter(([kind]) => kind === name).map(([, message]) => message);
      expect(heard[0]).toEqual(['start', { model, epochs: 2, resumed: false }]);
      expect(of('epoch')).toEqual(history.epochs.map((record) => ({ model, record })));
      expect(of('checkpoint').at(-1)).toMatchObject({ model, path: expect.stringContaining(dir) });
      expect(heard.at(-1)).toEqual(['end', { model, history }]);
      await model.fit(clusters(8), { epochs: 2, checkpoint: dir, resume: true });
      expect(of('start')[1]).toMatchObject({ resumed: true });
    });
    const error = new Error('mine');
    const onEpochEnd = () => Promise.reject(error);
    await expect(model.fit(clusters(8), { onEpochEnd })).rejects.toBe(error);
    expect(heard.at(-1)).toEqual(['error', { model, error }]);
  } finally {
    for (const name of names) unsubscribe(name, listen);
  }
});
