import { describe, expect, it } from 'vitest';
import { accuracy } from '../../lib/graph/ops/accuracy.js';
import { add } from '../../lib/graph/ops/add.js';
import { averagePool2d } from '../../lib/graph/ops/average-pool2d.js';
import { batchNorm, batchNormInference } from '../../lib/graph/ops/batch-norm.js';
import { biasAdd } from '../../lib/graph/ops/bias-add.js';
import { conv2d } from '../../lib/graph/ops/conv2d.js';
import { dropout } from '../../lib/graph/ops/dropout.js';
import { globalAveragePool2d } from '../../lib/graph/ops/global-average-pool2d.js';
import { hinge } from '../../lib/graph/ops/hinge.js';
import { matmul } from '../../lib/graph/ops/matmul.js';
import { maxPool2d, maxPool2dSelect } from '../../lib/graph/ops/max-pool2d.js';
import { mean } from '../../lib/graph/ops/mean.js';
import { mul } from '../../lib/graph/ops/mul.js';
import { oneHot } from '../../lib/graph/ops/one-hot.js';
import { relu } from '../../lib/graph/ops/relu.js';
import { flatten, reshape } from '../../lib/graph/ops/reshape.js';
import { scale } from '../../lib/graph/ops/scale.js';
import { softmaxCrossEntropy } from '../../lib/graph/ops/softmax-cross-entropy.js';
import { squaredError } from '../../lib/graph/ops/squared-error.js';
import { stochasticPool2d, stochasticPool2dExpected } from '../../lib/graph/ops/stochastic-pool2d.js';
import { sub } from '../../lib/graph/ops/sub.js';
import { sum } from '../../lib/graph/ops/sum.js';
import { zeroPad2d } from '../../lib/graph/ops/zero-pad2d.js';
import { input, type Shape, type Tensor } from '../../lib/graph/tensor.js';

const t = (...shape: Shape) => input('t', shape);
const images = t('N', 8, 6, 3);
const labels = input('labels', ['N'], 'i32');

describe('shape rules', () => {
  const shapes: [string, Tensor, Shape][] = [
    ['matmul', matmul(t('N', 3), t(3, 4)), ['N', 4]],
    ['matmul over the batch', matmul(t('N', 3), t('N', 4), { transposeA: true }), [3, 4]],
    ['conv2d', conv2d(images, t(5, 5, 3, 7), { padding: 2, stride: 3 }), ['N', 3, 2, 7]],
    ['batchNorm', batchNorm(images, t(3), t(3)), ['N', 8, 6, 3]],
    ['batchNormInference', batchNormInference(t('N', 4), { mean: t(4), variance: t(4) }, t(4), t(4)), ['N', 4]],
    ['zeroPad2d', zeroPad2d(images), ['N', 10, 8, 3]],
    ['maxPool2d', maxPool2d(images), ['N', 4, 3, 3]],
    ['averagePool2d', averagePool2d(images, { pool: 3, stride: 2 }), ['N', 3, 2, 3]],
    ['globalAveragePool2d', globalAveragePool2d(images), ['N', 3]],
    ['stochasticPool2d', stochasticPool2d(images, { pool: 6 }), ['N', 1, 1, 3]],
    ['stochasticPool2dExpected', stochasticPool2dExpected(images, { pool: 6 }), ['N', 1, 1, 3]],
    ['flatten', flatten(images), ['N', 144]],
    ['flatten of a vector', flatten(t('N')), ['N', 1]],
    ['reshape', reshape(images, ['N', 48, 3]), ['N', 48, 3]],
    ['sum', sum(images), []],
    ['mean', mean(images), []],
    ['squaredError', squaredError(t('N', 4), t('N', 4)), ['N']],
    ['softmaxCrossEntropy', softmaxCrossEntropy(t('N', 4), labels), ['N']],
    ['hinge', hinge(t(5, 4), t(5, 4)), [5]],
    ['oneHot', oneHot(labels, { classes: 10 }), ['N', 10]],
    ['accuracy', accuracy(t('N', 4), labels), ['N']],
  ];
  for (const [name, { shape }, expected] of shapes) it(name, () => expect(shape).toEqual(expected));

  it('max pooling gives the places of the maxima beside them, as u16', () => {
    const [y, argmax] = maxPool2d(images).node.outputs;
    expect(argmax).toMatchObject({ shape: y!.shape, dtype: 'u16' });
  });
});

describe('shapes that do not fit throw ERR_SHAPE with the name and both shapes', () => {
  const wrong: [string, () => unknown, RegExp][] = [
    ['matmul', () => matmul(t('N', 3), t(4, 5), {}, 'dense_1'), /^dense_1: .*\[N, 3\] times \[4, 5\]/],
    ['matmul transposed', () => matmul(t(3, 4), t(4, 5), { transposeB: true }), /^matmul: .*\[4, 5\] transposed/],
    ['matmul of images', () => matmul(images, t(3, 4)), /two matrices: \[N, 8, 6, 3\]/],
    ['matmul by a batch', () => matmul(t(2, 3), t('N', 3), { transposeB: true }), /the batch can only be the first/],
    ['matmul over a batch of unknown size', () => matmul(t('N', 3), t(7, 4), { transposeA: true }), /\[7, 4\]/],
    ['biasAdd', () => biasAdd(images, t(4), 'conv_2'), /^conv_2: .*\[4\].*\[N, 8, 6, 3\]/],
    ['biasAdd to a batch of scalars', () => biasAdd(t('N'), t(4)), /\[N\]/],
    ['conv2d channels', () => conv2d(images, t(3, 3, 2, 4), {}, 'c1'), /^c1: .*\[N, 8, 6, 3\].*\[3, 3, 2, 4\]/],
    ['conv2d size', () => conv2d(images, t(9, 3, 3, 4)), /9 x 3 .*\[N, 8, 6, 3\]/],
    ['conv2d of a matrix', () => conv2d(t('N', 8), t(3, 3, 3, 4)), /\[N, H, W, C\].*\[N, 8\]/],
    ['conv2d filter', () => conv2d(images, t(3, 3, 3)), /\[R, S, C, K\].*\[3, 3, 3\]/],
    ['batchNorm', () => batchNorm(images, t(3), t(4), {}, 'norm'), /^norm: .*\[3\] for shift.*\[4\]/],
    ['batchNorm of a batch of numbers', () => batchNorm(t('N'), t(1), t(1)), /channels.*\[N\]/],
    ['zeroPad2d', () => zeroPad2d(t('N', 8)), /\[N, 8\]/],
    ['maxPool2d', () => maxPool2d(images, { pool: 7 }, 'pool_1'), /^pool_1: .*7 x 7.*\[N, 8, 6, 3\]/],
    ['averagePool2d', () => averagePool2d(t(3, 3), {}), /\[3, 3\]/],
    ['globalAveragePool2d', () => globalAveragePool2d(t('N', 8), 'head'), /^head: .*\[N, H, W, C\].*\[N, 8\]/],
    ['reshape', () => reshape(images, ['N', 7]), /\[N, 8, 6, 3\] and \[N, 7\]/],
    ['reshape away from the batch', () => reshape(images, [144]), /\[144\]/],
    ['flatten of a scalar', () => flatten(t()), /scalar/],
    ['add', () => add(t(2), t(3), 'skip'), /^skip: .*\[2\].*\[3\]/],
    ['sub', () => sub(t(2), t(2, 1)), /\[2\].*\[2, 1\]/],
    ['mul', () => mul(t('N', 2), t(2)), /\[N, 2\].*\[2\]/],
    ['squaredError', () => squaredError(t('N', 2), t('N', 3)), /\[N, 3\].*\[N, 2\]/],
    ['softmaxCrossEntropy', () => softmaxCrossEntropy(t(4, 2), labels), /\[N\].*\[4, 2\]/],
    ['softmaxCrossEntropy of images', () => softmaxCrossEntropy(images, labels), /\[N, 8, 6, 3\]/],
    ['hinge', () => hinge(t('N'), t('N')), /\[N\]/],
    ['accuracy', () => accuracy(t('N', 2), input('y', [3], 'i32')), /\[3\].*\[N, 2\]/],
    ['oneHot', () => oneHot(input('y', ['N', 1], 'i32'), { classes: 2 }), /\[N, 1\]/],
  ];
  for (const [name, make, message] of wrong)
    it(name, () => {
      expect(make).toThrow(message);
      expect(make).toThrow(expect.objectContaining({ code: 'ERR_SHAPE' }));
      expect(make).toThrow(RangeError);
    });
});

describe('wrong kinds and options', () => {
  const anything = (value: unknown) => value as never;
  const wrong: [string, () => unknown, typeof TypeError | typeof RangeError, RegExp][] = [
    ['numbers for a tensor', () => relu(anything([1, 2]), 'relu_1'), TypeError, /^relu_1: .*symbolic tensor/],
    ['nothing for a tensor', () => flatten(anything(undefined)), TypeError, /flatten: .*symbolic tensor/],
    ['labels for values', () => relu(labels), TypeError, /real.*i32/],
    ['values for labels', () => softmaxCrossEntropy(t('N', 3), t('N')), TypeError, /i32.*real/],
    ['values for places', () => maxPool2dSelect(images, t('N', 4, 3, 3), { pool: 2, stride: 2 }), TypeError, /u16/],
    [
      'an unknown option',
      () => conv2d(images, t(3, 3, 3, 4), anything({ strid: 2 })),
      TypeError,
      /did you mean 'stride'/,
    ],
    ['options that are a number', () => maxPool2d(images, anything(2)), TypeError, /an object/],
    ['an epsilon of 0', () => batchNorm(images, t(3), t(3), { epsilon: 0 }), RangeError, /epsilon.*0/],
    ['labels for a scale', () => batchNorm(t('N', 3), input('y', [3], 'i32'), t(3)), TypeError, /real for scale.*i32/],
    ['a stride of 0', () => conv2d(images, t(3, 3, 3, 4), { stride: 0 }), RangeError, /stride.*0/],
    ['half a stride', () => maxPool2d(images, { stride: 1.5 }), RangeError, /stride.*1.5/],
    ['a stride as text', () => maxPool2d(images, anything({ stride: '2' })), TypeError, /"2"/],
    ['a negative padding', () => zeroPad2d(images, { padding: -1 }), RangeError, /padding.*-1/],
    ['a window whose places need more than 16 bits', () => maxPool2d(images, { pool: 257 }), RangeError, /256/],
    ['a rate of 1', () => dropout(images, { rate: 1 }), RangeError, /\[0, 1\)/],
    ['a rate of NaN', () => dropout(images, { rate: Number.NaN }), RangeError, /NaN/],
    ['a stream beyond 32 bits', () => dropout(images, { stream: 2 ** 32 }), RangeError, /stream/],
    ['an infinite factor', () => scale(images, Number.POSITIVE_INFINITY), RangeError, /factor/],
    ['text for a flag', () => matmul(t(2, 2), t(2, 2), anything({ transposeA: 'yes' })), TypeError, /transposeA/],
    ['text for a flag of a loss', () => hinge(t(2, 2), t(2, 2), anything({ squared: 1 })), TypeError, /squared/],
    ['no classes', () => oneHot(labels, anything({})), TypeError, /classes/],
    ['a shape that is none', () => reshape(images, anything([3, 'N'])), TypeError, /shape/],
  ];
  for (const [name, make, kind, message] of wrong)
    it(name, () => {
      expect(make).toThrow(kind);
      expect(make).toThrow(message);
    });
});
