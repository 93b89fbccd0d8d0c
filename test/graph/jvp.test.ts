import { describe, expect, it } from 'vitest';
import { grad, vjp } from '../../lib/graph/grad.js';
import { jvp } from '../../lib/graph/jvp.js';
import { accuracy } from '../../lib/graph/ops/accuracy.js';
import { biasAdd } from '../../lib/graph/ops/bias-add.js';
import { conv2d } from '../../lib/graph/ops/conv2d.js';
import { hinge } from '../../lib/graph/ops/hinge.js';
import { matmul } from '../../lib/graph/ops/matmul.js';
import { maxPool2d } from '../../lib/graph/ops/max-pool2d.js';
import { mean } from '../../lib/graph/ops/mean.js';
import { mul } from '../../lib/graph/ops/mul.js';
import { relu } from '../../lib/graph/ops/relu.js';
import { flatten } from '../../lib/graph/ops/reshape.js';
import { scale } from '../../lib/graph/ops/scale.js';
import { softmaxCrossEntropy } from '../../lib/graph/ops/softmax-cross-entropy.js';
import { squaredNorm } from '../../lib/graph/ops/squared-norm.js';
import { stochasticPool2dExpected } from '../../lib/graph/ops/stochastic-pool2d.js';
import { sum } from '../../lib/graph/ops/sum.js';
import { tanh } from '../../lib/graph/ops/tanh.js';
import { constant, input, parameter, type Tensor } from '../../lib/graph/tensor.js';
import { nodesBefore } from '../../lib/graph/walk.js';
import { compute } from '../../lib/plan/compute.js';
import { dot, drawFor } from './derivatives.js';

describe('jvp', () => {
  it('adds the tangents of several primals; zero where nothing moves', async () => {
    const [a, b, c] = [parameter('a', [2]), parameter('b', [2]), parameter('c', [2])];
    const pairs = [
      [a, constant([1, 0])],
      [b, constant([0, 1])],
    ] as const;
    const [t, still] = await compute(jvp([mul(a, b), scale(c, 2)], pairs), [
      [a, [2, 3]],
      [b, [5, 7]],
    ]);
    expect([...t!]).toEqual([5, 3]);
    expect([...still!]).toEqual([0, 0]);
  });

  it('takes a tensor between as a primal, whatever comes before it', async () => {
    const x = parameter('x', [2]);
    const h = scale(x, 3);
    const [t] = await compute(
      jvp(
        [squaredNorm(h)],
        [
          [h, constant([1, 0])],
          [x, constant([100, 100])],
        ],
      ),
      [[x, [1, 2]]],
    );
    expect([...t!]).toEqual([6]);
  });

  it('visits only what the outputs need', () => {
    const x = input('x', ['N', 4, 4, 1]);
    const blocked = stochasticPool2dExpected(x);
    expect(() => jvp([relu(x)], [[x, x]])).not.toThrow();
    expect(() => jvp([relu(blocked)], [[x, x]])).toThrow(/stochasticPool2dExpected has no derivative/);
    expect(nodesBefore(jvp([relu(x)], [[x, x]])).map(({ op }) => op.name)).not.toContain('stochasticPool2dExpected');
  });

  it('throws where shapes or kinds do not fit, or there is no derivative', () => {
    const [z, labels] = [input('z', ['N', 3]), input('labels', ['N'], 'i32')];
    const code = (code: string) => expect.objectContaining({ code });
    expect(() => jvp([sum(z)], [[z, constant([1, 2, 3])]])).toThrow(code('ERR_SHAPE'));
    expect(() => jvp([sum(z)], [z] as never)).toThrow(TypeError);
    expect(() => jvp([sum(z)], [[labels, labels]])).toThrow(TypeError);
    expect(() => jvp([accuracy(z, labels)], [[z, z]])).toThrow(code('ERR_NOT_DIFFERENTIABLE'));
    expect(() => jvp([hinge(z, tanh(z))], [[z, z]])).toThrow(code('ERR_NOT_DIFFERENTIABLE'));
  });
});

describe('forward and reverse mode together', () => {
  const x = input('x', ['N', 5, 5, 2]);
  const labels = input('labels', ['N'], 'i32');
  const parameters = [parameter('w1', [2, 2, 2, 3]), parameter('b1', [3]), parameter('w2', [12, 4])];
  const [w1, b1, w2] = parameters as [Tensor, Tensor, Tensor];
  const directions = parameters.map((p) => parameter('v', p.shape as number[]));
  const others = parameters.map((p) => parameter('u', p.shape as number[]));
  const feeds = new Map<Tensor, ArrayLike<number>>([
    [labels, [2, 0, 3]],
    ...[x, ...parameters, ...directions, ...others].map((t) => [t, drawFor(t)] as const),
  ]);
  const pairs = (v: readonly Tensor[]) => parameters.map((p, i) => [p, v[i]!] as const);
  const values = (t: Tensor) => feeds.get(t)!;
  const inner = (a: ArrayLike<number>[], b: ArrayLike<number>[]) => a.reduce((s, v, i) => s + dot(v, b[i]!), 0);
  const z = matmul(flatten(maxPool2d(tanh(biasAdd(conv2d(x, w1), b1)))), w2);
  const loss = mean(softmaxCrossEntropy(z, labels));

  it("<grad, v> is the loss's tangent along v", async () => {
    const [tangent, ...gradients] = await compute(
      [...jvp([loss], pairs(directions)), ...grad(loss, parameters)],
      feeds,
    );
    expect(tangent![0]).toBeCloseTo(inner(gradients, directions.map(values)), 12);
  });

  it('the Hessian times a vector: forward over reverse, reverse over reverse and differences of gradients agree', async () => {
    const gradients = grad(loss, parameters);
    const forward = await compute(jvp(gradients, pairs(directions)), feeds);
    const reverse = await compute(vjp(gradients, directions, parameters), feeds);
    const h = 1e-5;
    const at = (step: number) => {
      const moved = new Map(feeds);
      for (const [i, p] of parameters.entries())
        moved.set(
          p,
          Array.from(values(p), (value, e) => value + step * values(directions[i]!)[e]!),
        );
      return compute(gradients, moved);
    };
    const [right, left] = [await at(h), await at(-h)];
    for (const [i, product] of forward.entries())
      for (const [e, value] of product.entries()) {
        expect(reverse[i]![e]).toBeCloseTo(value, 11);
        expect((right[i]![e]! - left[i]![e]!) / (2 * h)).toBeCloseTo(value, 7);
      }
    expect(Math.max(...forward[0]!.map(Math.abs))).toBeGreaterThan(1e-3);
  });

  it("the Gauss-Newton product J' B J v is symmetric and not negative", async () => {
    const product = (v: readonly Tensor[]) => {
      const zdot = jvp([z], pairs(v))[0]!;
      const bj = jvp(grad(loss, [z]), [[z, zdot]])[0]!;
      return vjp([z], [bj], parameters);
    };
    const [gv, gu] = [await compute(product(directions), feeds), await compute(product(others), feeds)];
    const [u, v] = [others.map(values), directions.map(values)];
    expect(inner(u, gv)).toBeCloseTo(inner(v, gu), 12);
    expect(inner(v, gv)).toBeGreaterThan(1e-4);
  });
});
