/** Gradients of whole networks against central differences, and fused against unfused. */
import { describe, expect, it } from 'vitest';
import { grad } from '../../lib/graph/grad.js';
import { add } from '../../lib/graph/ops/add.js';
import { averagePool2d } from '../../lib/graph/ops/average-pool2d.js';
import { biasAdd } from '../../lib/graph/ops/bias-add.js';
import { conv2d } from '../../lib/graph/ops/conv2d.js';
import { dropout } from '../../lib/graph/ops/dropout.js';
import { hinge } from '../../lib/graph/ops/hinge.js';
import { logistic } from '../../lib/graph/ops/logistic.js';
import { matmul } from '../../lib/graph/ops/matmul.js';
import { maxPool2d } from '../../lib/graph/ops/max-pool2d.js';
import { mean } from '../../lib/graph/ops/mean.js';
import { oneHot } from '../../lib/graph/ops/one-hot.js';
import { relu } from '../../lib/graph/ops/relu.js';
import { flatten } from '../../lib/graph/ops/reshape.js';
import { scale } from '../../lib/graph/ops/scale.js';
import { softmaxCrossEntropy } from '../../lib/graph/ops/softmax-cross-entropy.js';
import { squaredNorm } from '../../lib/graph/ops/squared-norm.js';
import { stochasticPool2d } from '../../lib/graph/ops/stochastic-pool2d.js';
import { tanh } from '../../lib/graph/ops/tanh.js';
import { zeroPad2d } from '../../lib/graph/ops/zero-pad2d.js';
import { input, parameter, type Tensor } from '../../lib/graph/tensor.js';
import { compute } from '../../lib/plan/compute.js';
import { gradCheck } from '../../lib/plan/grad-check.js';
import { expectNear } from '../helpers/near.js';
import { drawFor } from './derivatives.js';

describe('gradients of whole networks', () => {
  const labels = input('labels', ['N'], 'i32');
  const x = input('x', ['N', 6, 6, 2]);
  const [w1, b1] = [parameter('w1', [3, 3, 2, 3]), parameter('b1', [3])];
  const w2 = parameter('w2', [3, 3, 3, 2]);
  const [w3, b3] = [parameter('w3', [8, 4]), parameter('b3', [4])];
  const parameters = [w1, b1, w2, w3, b3];

  const network = (pool: (z: Tensor) => Tensor, sigma: (z: Tensor) => Tensor) => {
    const first = pool(sigma(biasAdd(conv2d(zeroPad2d(x), w1), b1)));
    const second = sigma(conv2d(first, w2, { stride: 2, padding: 1 }));
    return biasAdd(matmul(dropout(flatten(second), { rate: 0.25, seed: 9 }), w3), b3);
  };
  const feeds = new Map<Tensor, ArrayLike<number>>([
    [labels, [0, 3, 1]],
    ...[x, ...parameters].map((t) => [t, drawFor(t)] as const),
  ]);
  const nets: [string, Tensor][] = [
    ['max pooling, relu', network((z) => maxPool2d(z), relu)],
    ['average pooling, tanh', network((z) => averagePool2d(z), tanh)],
    ['stochastic pooling, relu', network((z) => stochasticPool2d(z, { seed: 4, stream: 1 }), relu)],
  ];
  for (const [name, z] of nets)
    it(`${name}: cross-entropy and the regulariser`, async () => {
      const penalty = scale(
        parameters.map((p) => squaredNorm(p)).reduce((a, b) => add(a, b)),
        0.05,
      );
      const loss = add(mean(softmaxCrossEntropy(z, labels)), penalty);
      const check = await gradCheck(loss, [x, ...parameters], feeds, { step: 2, samples: 20 });
      expect(check.ok, JSON.stringify(check)).toBe(true);
      expect(check.checked).toBeGreaterThan(70);
      expect(check.kinks).toBeLessThanOrEqual(2);
      const [g] = await compute(grad(loss, [w1]), feeds, { step: 2 });
      expect(Math.max(...g!.map(Math.abs))).toBeGreaterThan(1e-3);
    });

  it('squared hinge and logistic losses on one-hot targets', async () => {
    const z = network((y) => maxPool2d(y), relu);
    const t = oneHot(labels, { classes: 4, off: -1 });
    for (const loss of [mean(hinge(z, t, { squared: true })), mean(logistic(z, t))]) {
      const check = await gradCheck(loss, parameters, feeds, { samples: 20 });
      expect(check.ok, JSON.stringify(check)).toBe(true);
    }
  });

  it('is the same fused and unfused', async () => {
    const loss = mean(softmaxCrossEntropy(nets[0]![1], labels));
    const gradients = grad(loss, [x, ...parameters]);
    const plain = await compute(gradients, feeds, { fuse: false });
    const fused = await compute(gradients, feeds);
    for (const [i, g] of plain.entries()) expectNear(fused[i]!, g, 13);
  });
});
