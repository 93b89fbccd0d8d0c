import { describe, expect, it } from 'vitest';
import { add } from '../../lib/graph/ops/add.js';
import { averagePool2d } from '../../lib/graph/ops/average-pool2d.js';
import { batchNorm, batchNormInference } from '../../lib/graph/ops/batch-norm.js';
import { biasAdd } from '../../lib/graph/ops/bias-add.js';
import { conv2d } from '../../lib/graph/ops/conv2d.js';
import { dropout } from '../../lib/graph/ops/dropout.js';
import { globalAveragePool2d } from '../../lib/graph/ops/global-average-pool2d.js';
import { hinge } from '../../lib/graph/ops/hinge.js';
import { l1Norm } from '../../lib/graph/ops/l1-norm.js';
import { logSoftmax } from '../../lib/graph/ops/log-softmax.js';
import { logistic } from '../../lib/graph/ops/logistic.js';
import { matmul } from '../../lib/graph/ops/matmul.js';
import { maxPool2d } from '../../lib/graph/ops/max-pool2d.js';
import { mean } from '../../lib/graph/ops/mean.js';
import { mul } from '../../lib/graph/ops/mul.js';
import { relu } from '../../lib/graph/ops/relu.js';
import { flatten, reshape } from '../../lib/graph/ops/reshape.js';
import { dotRows, scaleRows, sumRows } from '../../lib/graph/ops/rows.js';
import { scale } from '../../lib/graph/ops/scale.js';
import { sigmoid } from '../../lib/graph/ops/sigmoid.js';
import { softmax } from '../../lib/graph/ops/softmax.js';
import { softmaxCrossEntropy } from '../../lib/graph/ops/softmax-cross-entropy.js';
import { squaredError } from '../../lib/graph/ops/squared-error.js';
import { squaredNorm } from '../../lib/graph/ops/squared-norm.js';
import { stochasticPool2d } from '../../lib/graph/ops/stochastic-pool2d.js';
import { sub } from '../../lib/graph/ops/sub.js';
import { sum } from '../../lib/graph/ops/sum.js';
import { tanh } from '../../lib/graph/ops/tanh.js';
import { zeroPad2d } from '../../lib/graph/ops/zero-pad2d.js';
import { constant, input } from '../../lib/graph/tensor.js';
import { compute } from '../../lib/plan/compute.js';
import { BATCH, type Case, checkDerivatives, draw } from './derivatives.js';

const images = ['N', 5, 6, 2] as const;
const labels = input('labels', ['N'], 'i32');
const signs = input('signs', ['N', 4]);
const targets = { feeds: [[signs, draw(4 * BATCH).map(Math.sign)]] as const };

const cases: Case[] = [
  {
    name: 'matmul',
    shapes: [
      [3, 4],
      [4, 5],
    ],
    build: (a, b) => matmul(a!, b!),
  },
  {
    name: 'matmul A transposed',
    shapes: [
      [4, 3],
      [4, 5],
    ],
    build: (a, b) => matmul(a!, b!, { transposeA: true }),
  },
  {
    name: 'matmul B transposed',
    shapes: [
      [3, 4],
      [5, 4],
    ],
    build: (a, b) => matmul(a!, b!, { transposeB: true }),
  },
  {
    name: 'matmul both transposed',
    shapes: [
      [4, 3],
      [5, 4],
    ],
    build: (a, b) => matmul(a!, b!, { transposeA: true, transposeB: true }),
  },
  {
    name: 'matmul of a batch',
    shapes: [
      ['N', 4],
      [4, 5],
    ],
    build: (a, b) => matmul(a!, b!),
  },
  {
    name: 'matmul of a batch, B transposed',
    shapes: [
      ['N', 4],
      [5, 4],
    ],
    build: (a, b) => matmul(a!, b!, { transposeB: true }),
  },
  {
    name: 'matmul over the batch',
    shapes: [
      ['N', 4],
      ['N', 5],
    ],
    build: (a, b) => matmul(a!, b!, { transposeA: true }),
  },
  { name: 'biasAdd', shapes: [['N', 2, 3, 4], [4]], build: (x, b) => biasAdd(x!, b!) },
  { name: 'biasAdd of one row', shapes: [[4], [4]], build: (x, b) => biasAdd(x!, b!) },
  { name: 'batchNorm', shapes: [['N', 2, 2, 3], [3], [3]], build: (x, a, b) => batchNorm(x!, a!, b!) },
  {
    name: 'batchNorm of a matrix',
    shapes: [[5, 4], [4], [4]],
    build: (x, a, b) => batchNorm(x!, a!, b!, { epsilon: 0.1 }),
  },
  {
    name: 'batchNormInference',
    shapes: [['N', 4], [4], [4]],
    build: (x, a, b) =>
      batchNormInference(x!, { mean: constant([1, 2, 3, 4]), variance: constant([1, 2, 0.5, 3]) }, a!, b!),
  },
  { name: 'conv2d', shapes: [images, [3, 2, 2, 3]], build: (x, f) => conv2d(x!, f!) },
  {
    name: 'conv2d with stride and padding',
    shapes: [images, [3, 3, 2, 2]],
    build: (x, f) => conv2d(x!, f!, { stride: 2, padding: 2 }),
  },
  {
    name: 'conv2d of one image',
    shapes: [
      [1, 4, 4, 1],
      [2, 2, 1, 2],
    ],
    build: (x, f) => conv2d(x!, f!, { stride: 3 }),
  },
  { name: 'zeroPad2d', shapes: [images], build: (x) => zeroPad2d(x!, { padding: 2 }) },
  { name: 'maxPool2d', shapes: [images], build: (x) => maxPool2d(x!) },
  { name: 'maxPool2d, windows that overlap', shapes: [images], build: (x) => maxPool2d(x!, { pool: 3, stride: 1 }) },
  { name: 'averagePool2d', shapes: [images], build: (x) => averagePool2d(x!, { pool: 3, stride: 2 }) },
  { name: 'globalAveragePool2d', shapes: [images], build: (x) => globalAveragePool2d(x!) },
  {
    name: 'conv2d of 1 x 1, stride 2',
    shapes: [images, [1, 1, 2, 3]],
    build: (x, f) => conv2d(x!, f!, { stride: 2 }),
  },
  {
    name: 'stochasticPool2d',
    shapes: [images],
    build: (x) => stochasticPool2d(x!, { pool: 3, stride: 2, seed: 5, stream: 2 }),
  },
  { name: 'relu', shapes: [['N', 7]], build: (x) => relu(x!) },
  { name: 'sigmoid', shapes: [['N', 7]], build: (x) => sigmoid(x!) },
  { name: 'tanh', shapes: [[2, 7]], build: (x) => tanh(x!) },
  { name: 'softmax', shapes: [['N', 4]], build: (x) => softmax(x!), second: false },
  { name: 'softmax of channels', shapes: [['N', 2, 2, 3]], build: (x) => softmax(x!), second: false },
  { name: 'logSoftmax', shapes: [['N', 4]], build: (x) => logSoftmax(x!), second: false },
  { name: 'logSoftmax of channels', shapes: [['N', 2, 2, 3]], build: (x) => logSoftmax(x!), second: false },
  { name: 'reshape', shapes: [['N', 2, 6]], build: (x) => reshape(x!, ['N', 3, 4]) },
  { name: 'flatten', shapes: [['N', 2, 3, 2]], build: (x) => flatten(x!) },
  {
    name: 'add',
    shapes: [
      ['N', 3],
      ['N', 3],
    ],
    build: (a, b) => add(a!, b!),
  },
  {
    name: 'sub',
    shapes: [
      ['N', 3],
      ['N', 3],
    ],
    build: (a, b) => sub(a!, b!),
  },
  {
    name: 'mul',
    shapes: [
      ['N', 3],
      ['N', 3],
    ],
    build: (a, b) => mul(a!, b!),
  },
  { name: 'mul of a tensor with itself', shapes: [['N', 3]], build: (a) => mul(a!, a!) },
  { name: 'scale', shapes: [['N', 3]], build: (x) => scale(x!, -2.5) },
  { name: 'sum', shapes: [['N', 3]], build: (x) => sum(x!) },
  { name: 'mean of a batch', shapes: [['N', 3]], build: (x) => mean(x!) },
  { name: 'mean', shapes: [[2, 3]], build: (x) => mean(x!) },
  { name: 'dropout', shapes: [['N', 20]], build: (x) => dropout(x!, { rate: 0.4, seed: 3, stream: 1 }) },
  { name: 'squaredNorm', shapes: [['N', 3]], build: (x) => squaredNorm(x!) },
  { name: 'l1Norm', shapes: [[3, 3]], build: (x) => l1Norm(x!) },
  { name: 'sumRows', shapes: [['N', 3]], build: (x) => sumRows(x!) },
  {
    name: 'dotRows',
    shapes: [
      ['N', 3],
      ['N', 3],
    ],
    build: (a, b) => dotRows(a!, b!),
  },
  { name: 'scaleRows', shapes: [['N', 3], ['N']], build: (x, v) => scaleRows(x!, v!) },
  {
    name: 'squaredError',
    shapes: [
      ['N', 4],
      ['N', 4],
    ],
    build: (z, t) => squaredError(z!, t!),
  },
  {
    name: 'softmaxCrossEntropy',
    shapes: [['N', 4]],
    build: (z) => softmaxCrossEntropy(z!, labels),
    feeds: [[labels, [3, 0, 1]]],
    second: true,
  },
  { name: 'hinge', shapes: [['N', 4]], build: (z) => hinge(scale(z!, 3), signs), ...targets },
  {
    name: 'squared hinge',
    shapes: [['N', 4]],
    build: (z) => hinge(scale(z!, 3), signs, { squared: true }),
    ...targets,
  },
  { name: 'logistic', shapes: [['N', 4]], build: (z) => logistic(scale(z!, 3), signs), ...targets },
];

describe('the derivative rules of every op', () => {
  for (const one of cases) it(one.name, () => checkDerivatives(one));
});

describe('values by hand', () => {
  const values = async (y: Parameters<typeof compute>[0][number], feeds: Parameters<typeof compute>[1]) => [
    ...(await compute([y], feeds))[0]!,
  ];

  it('matmul, biasAdd', async () => {
    const a = input('a', ['N', 2]);
    const w = input('w', [2, 2]);
    const b = input('b', [2]);
    const feeds = [
      [a, [1, 2, 3, 4]],
      [w, [1, 10, 100, 1000]],
      [b, [0.5, -0.5]],
    ] as const;
    expect(await values(biasAdd(matmul(a, w), b), feeds)).toEqual([201.5, 2009.5, 403.5, 4029.5]);
    expect(await values(matmul(a, a, { transposeA: true }), feeds)).toEqual([10, 14, 14, 20]);
  });

  it('conv2d and pooling of a 3 x 3 image', async () => {
    const x = input('x', ['N', 3, 3, 1]);
    const f = input('f', [2, 2, 1, 1]);
    const feeds = [
      [x, [1, 2, 3, 4, 5, 6, 7, 8, 9]],
      [f, [1, 0, 0, -1]],
    ] as const;
    expect(await values(conv2d(x, f), feeds)).toEqual([-4, -4, -4, -4]);
    expect(await values(conv2d(x, f, { stride: 2, padding: 1 }), feeds)).toEqual([-1, -3, -7, -4]);
    expect(await values(maxPool2d(x, { stride: 1 }), feeds)).toEqual([5, 6, 8, 9]);
    expect(await values(averagePool2d(x, { stride: 1 }), feeds)).toEqual([3, 4, 6, 7]);
    expect(await values(globalAveragePool2d(x), feeds)).toEqual([5]);
  });
});
