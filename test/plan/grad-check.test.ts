import { describe, expect, it } from 'vitest';
import { add } from '../../lib/graph/ops/add.js';
import { matmul } from '../../lib/graph/ops/matmul.js';
import { mul } from '../../lib/graph/ops/mul.js';
import { relu } from '../../lib/graph/ops/relu.js';
import { scale, scaleOp } from '../../lib/graph/ops/scale.js';
import { squaredNorm } from '../../lib/graph/ops/squared-norm.js';
import { sum } from '../../lib/graph/ops/sum.js';
import { tanh } from '../../lib/graph/ops/tanh.js';
import { apply1, constant, input, type Op, parameter, type Tensor } from '../../lib/graph/tensor.js';
import { gradCheck } from '../../lib/plan/grad-check.js';

/** y = factor x with a vjp that is off by `error` (relative). */
function faulty(x: Tensor, error: number): Tensor {
  const op: Op<{ factor: number }> = {
    ...scaleOp,
    name: 'faulty',
    vjp: ({ attributes: { factor } }, [dy]) => [dy && scale(dy, factor * (1 + error))],
  };
  return apply1(op, [x], { factor: 3 });
}

describe('gradCheck', () => {
  const w = parameter('w', [3, 2]);
  const x = input('x', ['N', 3]);
  const feeds = [
    [w, [0.1, -0.4, 0.9, 0.3, -0.7, 0.2]],
    [x, [1, 2, 3, -1, 0.5, 4]],
  ] as const;
  const loss = squaredNorm(tanh(matmul(x, w)));

  it('accepts a right gradient', async () => {
    const result = await gradCheck(loss, [w, x], feeds);
    expect(result).toMatchObject({ ok: true, checked: 12, kinks: 0 });
    expect(result.maxRelativeError).toBeLessThan(1e-6);
    expect(result.worst).toMatchObject({ relativeError: result.maxRelativeError });
  });

  for (const error of [-2, 0.01, 1e-4])
    it(`finds a gradient that is off by ${error}, and says where`, async () => {
      const result = await gradCheck(squaredNorm(tanh(matmul(x, faulty(w, error)))), [x, w], feeds);
      expect(result).toMatchObject({ ok: false, kinks: 0, checked: 12, worst: { name: 'w' } });
      expect(result.maxRelativeError).toBeGreaterThan(Math.min(0.5, Math.abs(error) / 2));
    });

  it('finds a wrong gradient of a linear function, and of a network with kinks', async () => {
    expect((await gradCheck(sum(faulty(w, 0.001)), [w], feeds)).ok).toBe(false);
    const kinked = sum(relu(matmul(x, faulty(w, 0.001))));
    expect(await gradCheck(kinked, [w], feeds)).toMatchObject({ ok: false, kinks: 0 });
  });

  it('takes neither rounding nor curvature for a kink where a gradient is wrong', async () => {
    const rounding = add(sum(faulty(w, 1)), constant(1e8));
    expect(await gradCheck(rounding, [w], feeds)).toMatchObject({ ok: false, kinks: 0 });
    const curved = add(squaredNorm(w), sum(scale(faulty(w, 1), 1e-6)));
    expect(await gradCheck(curved, [w], [[w, new Float64Array(6)]])).toMatchObject({ ok: false, kinks: 0 });
  });

  it('finds a gradient that is missing', async () => {
    const cut: Op<{ factor: number }> = { ...scaleOp, name: 'cut', vjp: () => [] };
    const result = await gradCheck(squaredNorm(apply1(cut, [w], { factor: 2 })), [w], feeds);
    expect(result).toMatchObject({ ok: false, maxRelativeError: 1 });
  });

  it('finds a gradient of NaN', async () => {
    const bad: Op<{ factor: number }> = {
      ...scaleOp,
      vjp: (_, [dy]) => [dy && tanh(scale(mul(dy, scale(dy, 1e308)), 1e308))],
    };
    const zeroTimesInfinity = mul(apply1(bad, [w], { factor: 1 }), scale(w, 0));
    expect((await gradCheck(sum(zeroTimesInfinity), [w], [[w, [1, Number.NaN, 1, 1, 1, 1]]])).ok).toBe(false);
  });

  it('leaves out kinks and counts them', async () => {
    const values = [0, 1, -1, 0, 2e-6, -3e-8];
    const result = await gradCheck(sum(relu(w)), [w], [[w, values]]);
    // Twice exactly at the bend and once within the smallest step of it; 2e-6 is clear of it with a smaller step.
    expect(result).toMatchObject({ ok: true, checked: 3, kinks: 3 });
  });

  it('does not take the flat point of a smooth function for a kink', async () => {
    const result = await gradCheck(squaredNorm(w), [w], [[w, [0, 0, 0, 1, 1, 1]]]);
    expect(result).toMatchObject({ ok: true, checked: 6, kinks: 0 });
  });

  it('is not ok where nothing could be compared', async () => {
    expect(await gradCheck(sum(relu(w)), [w], [[w, [0, 0, 0, 0, 0, 0]]])).toMatchObject({
      ok: false,
      checked: 0,
      kinks: 6,
    });
  });

  it('tries as many coordinates as asked for, chosen by the seed', async () => {
    const big = parameter('big', [1000]);
    const values = [[big, Float64Array.from({ length: 1000 }, (_, i) => Math.sin(i))]] as const;
    const worst = async (seed: number) => {
      const result = await gradCheck(squaredNorm(tanh(big)), [big], values, { samples: 7, seed });
      expect(result.checked).toBe(7);
      return JSON.stringify(result.worst);
    };
    expect(await worst(1)).toBe(await worst(1));
    expect(await worst(1)).not.toBe(await worst(2));
  });

  it('accepts a parameter that the loss does not depend on', async () => {
    const unused = parameter('unused', [2]);
    const result = await gradCheck(loss, [unused, w], [...feeds, [unused, [1, 2]]]);
    expect(result).toMatchObject({ ok: true, checked: 8 });
  });

  it('throws what does not fit', async () => {
    const h = scale(w, 1);
    await expect(gradCheck(x, [w], feeds)).rejects.toThrow(expect.objectContaining({ code: 'ERR_SHAPE' }));
    await expect(gradCheck(squaredNorm(h), [h], feeds)).rejects.toThrow(/inputs or parameters/);
    await expect(gradCheck(loss, [w], feeds.slice(1))).rejects.toThrow(TypeError);
    await expect(gradCheck(loss, [w], feeds, { epsilon: 0 })).rejects.toThrow(RangeError);
    await expect(gradCheck(loss, [w], feeds, { eps: 1 } as never)).rejects.toThrow(/unknown option 'eps'/);
  });
});
