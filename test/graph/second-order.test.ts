import { describe, expect, it } from 'vitest';
import { grad, vjp } from '../../lib/graph/grad.js';
import { jvp } from '../../lib/graph/jvp.js';
import { add } from '../../lib/graph/ops/add.js';
import { biasAdd } from '../../lib/graph/ops/bias-add.js';
import { conv2d } from '../../lib/graph/ops/conv2d.js';
import { hinge } from '../../lib/graph/ops/hinge.js';
import { logistic } from '../../lib/graph/ops/logistic.js';
import { matmul } from '../../lib/graph/ops/matmul.js';
import { maxPool2d } from '../../lib/graph/ops/max-pool2d.js';
import { mean } from '../../lib/graph/ops/mean.js';
import { flatten } from '../../lib/graph/ops/reshape.js';
import { softmax } from '../../lib/graph/ops/softmax.js';
import { softmaxCrossEntropy } from '../../lib/graph/ops/softmax-cross-entropy.js';
import { squaredError } from '../../lib/graph/ops/squared-error.js';
import { squaredNorm } from '../../lib/graph/ops/squared-norm.js';
import { tanh } from '../../lib/graph/ops/tanh.js';
import { gaussNewtonProduct, hvp } from '../../lib/graph/second-order.js';
import { input, parameter, type Tensor } from '../../lib/graph/tensor.js';
import { softmaxCrossEntropy as crossEntropy } from '../../lib/losses/softmax-cross-entropy.js';
import { compute } from '../../lib/plan/compute.js';
import { dot, drawFor } from './derivatives.js';

const x = input('x', ['N', 5, 5, 2]);
const [labels, targets] = [input('labels', ['N'], 'i32'), input('targets', ['N', 4])];
const parameters = [parameter('w1', [2, 2, 2, 3]), parameter('b1', [3]), parameter('w2', [12, 4])];
const [w1, b1, w2] = parameters as [Tensor, Tensor, Tensor];
const vectors = parameters.map((p) => input('v', p.shape));
const others = parameters.map((p) => input('u', p.shape));
const feeds = new Map<Tensor, ArrayLike<number>>([
  [labels, [2, 0, 3]],
  [targets, [1, -1, -1, 1, 1, 1, -1, -1, -1, 1, 1, -1]],
  ...[x, ...parameters, ...vectors, ...others].map((t) => [t, drawFor(t)] as const),
]);
const z = matmul(flatten(maxPool2d(tanh(biasAdd(conv2d(x, w1), b1)))), w2);
const losses = {
  softmaxCrossEntropy: mean(softmaxCrossEntropy(z, labels)),
  squaredError: mean(squaredError(z, targets)),
  squaredHinge: mean(hinge(z, targets, { squared: true })),
  logistic: mean(logistic(z, targets)),
};
const pairs = (v: readonly Tensor[]) => parameters.map((p, i) => [p, v[i]!] as const);
const inner = (a: readonly ArrayLike<number>[], b: readonly Tensor[]) =>
  a.reduce((sum, values, i) => sum + dot(values, feeds.get(b[i]!)!), 0);

function same(a: readonly ArrayLike<number>[], b: readonly ArrayLike<number>[], digits = 11): void {
  for (const [i, values] of a.entries())
    for (let e = 0; e < values.length; e++) expect(values[e]).toBeCloseTo(b[i]![e]!, digits);
}

describe('hvp', () => {
  it.each(Object.entries(losses))('of %s: forward over reverse is reverse over forward', async (_, loss) => {
    const forwardOverReverse = await compute(hvp(loss, pairs(vectors)), feeds);
    const tangent = jvp([loss], pairs(vectors))[0]!;
    same(forwardOverReverse, await compute(grad(tangent, parameters), feeds));
    same(forwardOverReverse, await compute(vjp(grad(loss, parameters), vectors, parameters), feeds));
    expect(Math.max(...forwardOverReverse[0]!.map(Math.abs))).toBeGreaterThan(1e-3);
  });

  it('takes the tensors of the pairs alone as moving', async () => {
    const [a, b, v] = [parameter('a', [2]), parameter('b', [2]), input('v', [2])];
    const [Hv] = await compute(hvp(squaredNorm(add(a, b)), [[a, v]]), [
      [a, [1, 2]],
      [b, [3, 4]],
      [v, [5, 6]],
    ]);
    expect([...Hv!]).toEqual([10, 12]);
  });

  it('throws where shapes or kinds do not fit', () => {
    const shape = expect.objectContaining({ code: 'ERR_SHAPE' });
    expect(() => hvp(z, pairs(vectors))).toThrow(shape);
    expect(() => hvp(losses.logistic, [[w1, b1]])).toThrow(shape);
    expect(() => hvp(losses.logistic, [w1] as never)).toThrow(TypeError);
  });
});

describe('gaussNewtonProduct', () => {
  it.each(Object.entries(losses))("of %s is symmetric, not negative, and J'B J spelled out", async (_, loss) => {
    const product = (v: readonly Tensor[]) => compute(gaussNewtonProduct(loss, z, pairs(v)), feeds);
    const [gv, gu] = [await product(vectors), await product(others)];
    expect(inner(gv, others)).toBeCloseTo(inner(gu, vectors), 12);
    expect(inner(gv, vectors)).toBeGreaterThan(1e-4);
    const tangent = jvp([z], pairs(vectors))[0]!;
    const curved = hvp(loss, [[z, tangent]]);
    same(gv, await compute(vjp([z], curved, parameters), feeds));
  });

  it('is the Hessian where the output is linear in the parameters', async () => {
    const linear = mean(squaredError(matmul(flatten(maxPool2d(x)), parameter('w', [8, 4])), targets));
    const w = linear.node.inputs[0]!.node.inputs[0]!.node.inputs[1]!;
    const v = input('v', w.shape);
    const at = new Map([...feeds, [w, drawFor(w)], [v, drawFor(v)]] as const);
    const output = linear.node.inputs[0]!.node.inputs[0]!;
    same(await compute(gaussNewtonProduct(linear, output, [[w, v]]), at), await compute(hvp(linear, [[w, v]]), at));
  });

  it('throws where the loss is not made from the output: the probabilities that a loss looks beneath', () => {
    const probabilities = softmax(z);
    const loss = mean(crossEntropy().apply(probabilities, labels));
    expect(() => gaussNewtonProduct(loss, probabilities, pairs(vectors))).toThrow(/loss is made from.*softmax/);
    expect(() => gaussNewtonProduct(loss, z, pairs(vectors))).not.toThrow();
  });
});
