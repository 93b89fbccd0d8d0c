/** How plans of tangents and Gauss-Newton products are fused, and that they compute what they did. */
import { describe, expect, it } from 'vitest';
import { jvp } from '../../lib/graph/jvp.js';
import { biasAdd } from '../../lib/graph/ops/bias-add.js';
import { conv2d } from '../../lib/graph/ops/conv2d.js';
import { matmul } from '../../lib/graph/ops/matmul.js';
import { maxPool2d } from '../../lib/graph/ops/max-pool2d.js';
import { mean } from '../../lib/graph/ops/mean.js';
import { relu } from '../../lib/graph/ops/relu.js';
import { flatten } from '../../lib/graph/ops/reshape.js';
import { squaredError } from '../../lib/graph/ops/squared-error.js';
import { gaussNewtonProduct } from '../../lib/graph/second-order.js';
import { input, parameter, type Tensor } from '../../lib/graph/tensor.js';
import { compile } from '../../lib/plan/compile.js';
import { compute } from '../../lib/plan/compute.js';
import { uniform } from '../../lib/random.js';
import { expectNear } from '../helpers/near.js';

/** Two convolutions with bias, relu and pooling, and a dense layer. */
function network(pool = { pool: 2, stride: 2 }) {
  const [x, t] = [input('x', ['N', 9, 9, 2]), input('t', ['N', 3])];
  const parameters = [
    ...[parameter('w1', [3, 3, 2, 4]), parameter('b1', [4]), parameter('w2', [3, 3, 4, 4]), parameter('b2', [4])],
    ...[parameter('w3', [pool.stride === 2 ? 16 : 196, 3])],
  ];
  const [w1, b1, w2, b2, w3] = parameters as [Tensor, Tensor, Tensor, Tensor, Tensor];
  const y = maxPool2d(relu(biasAdd(conv2d(x, w1, { padding: 1 }), b1)), pool);
  const masked = relu(biasAdd(conv2d(y, w2, { padding: 1 }), b2));
  const z = matmul(flatten(maxPool2d(masked, pool)), w3);
  const directions = parameters.map((p) => [p, input(`v ${p.node.label}`, p.shape)] as const);
  const feeds = [x, t, ...parameters, ...directions.map(([, v]) => v)].map((tensor, stream) => {
    const count = tensor.shape.reduce<number>((product, d) => product * (d === 'N' ? 3 : d), 1);
    return [tensor, Float64Array.from({ length: count }, (_, i) => uniform(5, stream, 0, i) - 0.5)] as const;
  });
  return { x, t, parameters, z, masked, directions, feeds, loss: mean(squaredError(z, t)) };
}

function kernels({ x, parameters, directions }: ReturnType<typeof network>, outputs: readonly Tensor[]): string[] {
  const { plan } = compile({
    name: 'product',
    precision: 'float64',
    maxBatch: 3,
    inputs: [{ tensor: x, region: 'x' }, ...directions.map(([p, tensor]) => ({ tensor, region: `v ${p.node.label}` }))],
    parameters,
    outputs: outputs.map((tensor, i) => ({ tensor, region: `y ${i}` })),
  });
  return plan.calls.map(({ kernel }) => kernel);
}

describe('forward mode', () => {
  for (const pool of [
    { pool: 2, stride: 2 },
    { pool: 2, stride: 1 },
  ])
    it(`computes the same fused and unfused (pool ${pool.pool}, stride ${pool.stride})`, async () => {
      const net = network(pool);
      const products = gaussNewtonProduct(net.loss, net.z, net.directions);
      const outputs = [...products, ...jvp([net.z, net.masked], net.directions)];
      const [fused, plain] = await Promise.all([
        compute(outputs, net.feeds),
        compute(outputs, net.feeds, { fuse: false }),
      ]);
      for (const [i, values] of fused.entries()) expectNear(values, plain[i]!, 13);
      expect(Math.max(...fused[0]!.map(Math.abs))).toBeGreaterThan(1e-4);
    });

  it('masks what was selected: pooling joins its convolution, and biases join the tangents', () => {
    const net = network();
    const [tangent] = jvp([net.z], net.directions);
    const found = kernels(net, [tangent!]);
    expect(found.filter((kernel) => kernel.startsWith('max_pool2d_forward'))).toEqual([]);
    expect(found.filter((kernel) => kernel === 'bias_forward' || kernel === 'relu_forward')).toEqual([]);
    expect(found).toEqual([
      ...['conv2d_forward', 'conv2d_forward'],
      ...['conv2d_forward', 'max_pool2d_select', 'relu_backward'],
      ...['conv2d_forward', 'conv2d_forward', 'max_pool2d_select', 'relu_backward'],
      ...['gemm', 'gemm', 'add_forward'],
    ]);
  });

  it("leaves the mask where the relu's tangent is asked for", () => {
    const net = network();
    const found = kernels(net, jvp([net.z, net.masked], net.directions));
    expect(found.filter((kernel) => kernel === 'max_pool2d_forward')).toHaveLength(1);
    const [mask, select] = [found.lastIndexOf('relu_backward'), found.lastIndexOf('max_pool2d_select')];
    expect(mask).toBeLessThan(select);
  });
});
