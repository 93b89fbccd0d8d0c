import { describe, expect, it } from 'vitest';
import { grad, valueAndGrad, vjp } from '../../lib/graph/grad.js';
import { accuracy } from '../../lib/graph/ops/accuracy.js';
import { add } from '../../lib/graph/ops/add.js';
import { conv2d } from '../../lib/graph/ops/conv2d.js';
import { hinge } from '../../lib/graph/ops/hinge.js';
import { logistic } from '../../lib/graph/ops/logistic.js';
import { mean } from '../../lib/graph/ops/mean.js';
import { mul } from '../../lib/graph/ops/mul.js';
import { oneHot } from '../../lib/graph/ops/one-hot.js';
import { relu } from '../../lib/graph/ops/relu.js';
import { scale } from '../../lib/graph/ops/scale.js';
import { softmax } from '../../lib/graph/ops/softmax.js';
import { squaredNorm } from '../../lib/graph/ops/squared-norm.js';
import { stochasticPool2dExpected } from '../../lib/graph/ops/stochastic-pool2d.js';
import { sum } from '../../lib/graph/ops/sum.js';
import { constant, input, type Op, parameter, type Tensor } from '../../lib/graph/tensor.js';
import { nodesBefore } from '../../lib/graph/walk.js';
import { compute } from '../../lib/plan/compute.js';
import { draw } from './derivatives.js';

const opsOf = (...tensors: Tensor[]) => nodesBefore(tensors).map(({ op }) => op.name);
const notDifferentiable = (name: string) =>
  expect.objectContaining({ code: 'ERR_NOT_DIFFERENTIABLE', message: expect.stringContaining(name) });

describe('grad', () => {
  it('adds up what reaches a tensor from several sides', async () => {
    const x = parameter('x', [3]);
    const y = add(mul(x, x), add(scale(x, 3), x));
    const [g] = await compute(grad(sum(y), [x]), [[x, [1, -2, 0.5]]]);
    expect([...g!]).toEqual([6, 0, 5]);
  });

  it('gives the value beside the gradients', async () => {
    const x = parameter('x', [2]);
    const { value, gradients } = valueAndGrad(squaredNorm(x), [x]);
    const [v, g] = await compute([value, ...gradients], [[x, [3, 4]]]);
    expect([...v!, ...g!]).toEqual([25, 6, 8]);
  });

  it('is zero where the loss does not depend, batched or not, also beside values that are NaN', async () => {
    const [x, w, other] = [input('x', ['N', 2]), parameter('w', [2]), parameter('other', [2, 2])];
    const [dw, dx, dother] = await compute(grad(squaredNorm(w), [w, x, other]), [
      [w, [1, Number.NaN]],
      [x, [1, 2, 3, Number.NaN]],
    ]);
    expect([...dw!]).toEqual([2, Number.NaN]);
    expect([...dx!]).toEqual([0, 0, 0, 0]);
    expect([...dother!]).toEqual([0, 0, 0, 0]);
  });

  it('of a mean divides by the images at hand', async () => {
    const x = input('x', ['N', 2]);
    const g = grad(mean(x), [x]);
    for (const images of [1, 2, 5]) {
      const [dx] = await compute(g, [[x, draw(2 * images)]]);
      expect([...dx!]).toEqual(new Array(2 * images).fill(1 / (2 * images)));
    }
  });

  it('by a tensor between, and by the tensor before it, at once', async () => {
    const x = parameter('x', [2]);
    const h = scale(x, 3);
    const [dh, dx] = await compute(grad(squaredNorm(h), [h, x]), [[x, [1, 2]]]);
    expect([...dh!]).toEqual([6, 12]);
    expect([...dx!]).toEqual([18, 36]);
  });

  it('of the loss by itself is 1; the same tensor may be asked for twice', async () => {
    const x = parameter('x', [1]);
    const loss = squaredNorm(x);
    const values = await compute(grad(loss, [loss, x, x]), [[x, [3]]]);
    expect(values.map((v) => [...v])).toEqual([[1], [6], [6]]);
  });

  it('goes only along the paths that reach what is asked for', () => {
    const [x, w] = [input('x', ['N', 4, 4, 2]), parameter('w', [3, 3, 2, 2])];
    const gradients = grad(mean(conv2d(stochasticPool2dExpected(x, { pool: 2, stride: 1 }), w)), [w]);
    expect(opsOf(...gradients)).not.toContain('conv2dBackwardInput');
    expect(opsOf(...gradients)).toContain('conv2dBackwardFilter');
  });

  it('handles a chain of 10,000 ops', () => {
    const x = parameter('x', [1]);
    let y: Tensor = x;
    for (let i = 0; i < 10_000; i++) y = relu(y);
    expect(opsOf(...grad(sum(y), [x])).filter((name) => name === 'reluBackward')).toHaveLength(10_000);
  });

  it('refuses a loss that is no scalar, and things that are no real tensors', () => {
    const x = input('x', ['N', 2]);
    const labels = input('labels', ['N'], 'i32');
    expect(() => grad(x, [x])).toThrow(/scalar loss.*\[N, 2\]/);
    expect(() => grad(x, [x])).toThrow(expect.objectContaining({ code: 'ERR_SHAPE' }));
    expect(() => grad(3 as never, [x])).toThrow(TypeError);
    expect(() => grad(sum(x), [labels])).toThrow(/real.*i32/);
    expect(() => grad(sum(x), x as never)).toThrow(/array of tensors/);
    expect(() => grad(sum(x), [undefined as never])).toThrow(TypeError);
    expect(() => vjp([x], [constant([1, 2])], [x])).toThrow(expect.objectContaining({ code: 'ERR_SHAPE' }));
    expect(() => vjp([x], [], [x])).toThrow(expect.objectContaining({ code: 'ERR_SHAPE' }));
  });

  it('throws ERR_NOT_DIFFERENTIABLE with the name of the op in the way', () => {
    const x = input('x', ['N', 4, 4, 1]);
    const [z, t, labels] = [input('z', ['N', 3]), input('t', ['N', 3]), input('labels', ['N'], 'i32')];
    const expected = stochasticPool2dExpected(x, {}, 'pool_1');
    expect(() => grad(sum(expected), [x])).toThrow(notDifferentiable('pool_1 (stochasticPool2dExpected)'));
    expect(() => grad(mean(accuracy(z, labels)), [z])).toThrow(notDifferentiable('accuracy'));
    expect(() => grad(mean(hinge(z, t)), [t])).toThrow(notDifferentiable('hinge'));
    expect(() => grad(mean(logistic(z, t)), [t])).toThrow(notDifferentiable('logistic'));
    expect(() => grad(mean(logistic(z, scale(t, 2))), [z, t])).toThrow(notDifferentiable('logistic'));
    const [dz] = grad(squaredNorm(softmax(z)), [z]);
    expect(() => grad(squaredNorm(dz!), [z])).toThrow(notDifferentiable('softmaxBackward'));
    // Labels are whole numbers: nothing to differentiate, and nothing in the way.
    expect(() => grad(mean(hinge(z, oneHot(labels, { classes: 3, off: -1 }))), [z])).not.toThrow();
  });

  it("finds an op's own mistake in the shape of a gradient", () => {
    const wrong: Op<object> = {
      name: 'wrong',
      infer: ([x]) => [{ shape: x!.shape, dtype: 'real' }],
      vjp: (_, [dy]) => [dy && sum(dy)],
    };
    const x = parameter('x', [2]);
    const node = { op: wrong, inputs: [x], attributes: {}, outputs: [] as Tensor[], label: 'wrong' };
    node.outputs.push({ ...scale(x, 1), node });
    expect(() => grad(sum(node.outputs[0]!), [x])).toThrow(/wrong: its vjp gave shape \[\]/);
  });
});
