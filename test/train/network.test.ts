import { describe, expect, test } from 'vitest';
import { ReferenceBackend } from '../../lib/backends/reference/backend.js';
import { dense } from '../../lib/layers/dense.js';
import { sequence } from '../../lib/layers/graph.js';
import { Network } from '../../lib/train/network.js';

const network = () => new Network('test', new ReferenceBackend(), 1, sequence([2], [dense({ units: 2 })]));
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

describe('exclusive', () => {
  test('lets one after the other at the parameters, in the order of asking, also after an error', async () => {
    const it = network();
    const order: string[] = [];
    const work = (name: string) => async () => {
      order.push(`${name} begins`);
      await turn();
      order.push(`${name} ends`);
      if (name === 'b') throw new Error('b is broken');
      return name;
    };
    const results = await Promise.allSettled(['a', 'b', 'c'].map((name) => it.exclusive(work(name))));
    expect(order).toEqual(['a', 'b', 'c'].flatMap((name) => [`${name} begins`, `${name} ends`]));
    expect(results.map((r) => r.status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(it.busy).toBe(false);
  });

  test('keeps the memory of a disposed model until the work in hand is done, and lets nobody else begin', async () => {
    const it = network();
    const values = new Float32Array(4);
    let begin = () => {};
    const begun = new Promise<void>((resolve) => {
      begin = resolve;
    });
    const first = it.exclusive(async () => {
      begin();
      await turn();
      it.theta.read(values);
    });
    const second = expect(it.exclusive(async () => {})).rejects.toMatchObject({ code: 'ERR_DISPOSED' });
    await begun;
    it.dispose();
    await first;
    await second;
    expect(values.some((v) => v !== 0)).toBe(true);
    await turn();
    expect(() => it.theta.read(values)).toThrow(expect.objectContaining({ code: 'ERR_DISPOSED' }));
  });

  test('frees a disposed model at once where nothing runs', () => {
    const it = network();
    it.dispose();
    expect(() => it.theta.read(new Float32Array(4))).toThrow(expect.objectContaining({ code: 'ERR_DISPOSED' }));
  });
});
