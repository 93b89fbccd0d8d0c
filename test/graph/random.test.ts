import { describe, expect, it } from 'vitest';
import { grad } from '../../lib/graph/grad.js';
import { dropout } from '../../lib/graph/ops/dropout.js';
import { mul } from '../../lib/graph/ops/mul.js';
import { stochasticPool2d, stochasticPool2dExpected } from '../../lib/graph/ops/stochastic-pool2d.js';
import { sum } from '../../lib/graph/ops/sum.js';
import { input } from '../../lib/graph/tensor.js';
import { compute } from '../../lib/plan/compute.js';
import { uniform } from '../../lib/random.js';
import { draw, gradientOf } from './derivatives.js';

describe('dropout', () => {
  const x = input('x', ['N', 10]);
  const values = draw(60).map((v) => v + 2);

  it('keeps the values whose number is not below the rate, divided by 1 - rate', async () => {
    const [y] = await compute([dropout(x, { rate: 0.3, seed: 5, stream: 7 })], [[x, values]], { step: 11 });
    const expected = values.map((v, i) => (uniform(5, 7, 11, i) >= 0.3 ? v / 0.7 : 0));
    for (const [i, v] of y!.entries()) expect(v).toBeCloseTo(expected[i]!, 14);
    expect(y!.filter((v) => v === 0).length).toBeGreaterThan(5);
  });

  it('draws anew for each step, seed and stream, and the same for the same', async () => {
    const run = async (seed: number, stream: number, step: number) =>
      String((await compute([dropout(x, { seed, stream })], [[x, values]], { step }))[0]);
    const all = [await run(1, 1, 1), await run(2, 1, 1), await run(1, 2, 1), await run(1, 1, 2)];
    expect(new Set(all).size).toBe(4);
    expect(await run(1, 1, 1)).toBe(all[0]);
  });

  it('has a gradient with the same mask', async () => {
    const u = input('u', ['N', 10]);
    const y = dropout(x, { rate: 0.5, seed: 8 });
    const feeds = [
      [x, values],
      [u, draw(60).map((v) => v + 2)],
    ] as const;
    const [dx, out] = await compute([...grad(sum(mul(y, u)), [x]), y], feeds, { step: 3 });
    const kept = (v: ArrayLike<number>) => Array.from(v, (e) => e !== 0);
    expect(kept(dx!)).toEqual(kept(out!));
    expect(kept(dx!)).toContain(true);
    expect(kept(dx!)).toContain(false);
  });

  it('changes nothing at a rate of 0', async () => {
    const [y] = await compute([dropout(x, { rate: 0 })], [[x, values]]);
    expect(y).toEqual(values);
  });
});

describe('stochastic pooling', () => {
  const x = input('x', ['N', 4, 4, 2]);
  const values = draw(64);
  const y = stochasticPool2d(x, { seed: 3, stream: 5 });
  const argmax = y.node.outputs[1]!;

  it('takes a value of each window, with probabilities in proportion to the values', async () => {
    const one = input('one', ['N', 2, 2, 1]);
    const drawn = stochasticPool2d(one, { seed: 1 });
    const images = 4000;
    const window = [1, 2, -3, 5];
    const feeds = [[one, Array.from({ length: 4 * images }, (_, i) => window[i % 4]!)]] as const;
    const [v, expected] = await compute([drawn, stochasticPool2dExpected(one)], feeds);
    const share = (value: number) => v!.filter((e) => e === value).length / images;
    expect(share(1) + share(2) + share(5)).toBe(1);
    for (const value of [1, 2, 5]) expect(Math.abs(share(value) - value / 8)).toBeLessThan(0.03);
    expect(expected![0]).toBeCloseTo((1 + 4 + 25) / 8, 14);
  });

  it('sends the gradient to the drawn places', async () => {
    const [v, places] = await compute([y, argmax], [[x, values]]);
    const dx = await gradientOf(y, x, [[x, values]]);
    const expected = new Array(64).fill(0);
    for (let n = 0; n < 2; n++)
      for (let p = 0; p < 2; p++)
        for (let q = 0; q < 2; q++)
          for (let c = 0; c < 2; c++) {
            const o = ((n * 2 + p) * 2 + q) * 2 + c;
            const [r, s] = [Math.floor(places![o]! / 2), places![o]! % 2];
            const i = ((n * 4 + 2 * p + r) * 4 + 2 * q + s) * 2 + c;
            expected[i] += 1;
            expect(v![o]).toBe(values[i]);
          }
    expect(dx).toEqual(expected);
  });

  it('draws anew for each step', async () => {
    const places = async (step: number) => String((await compute([argmax], [[x, values]], { step }))[0]);
    expect(new Set([await places(0), await places(1), await places(2)]).size).toBe(3);
    expect(await places(1)).toBe(await places(1));
  });
});
