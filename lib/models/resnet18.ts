/**
 * ResNet-18 (He et al. 2016, table 1) in the form usual for 32 x 32 images: the first convolution is 3x3 with stride 1, no pooling follows
 * it, and shortcuts that change the shape are strided 1x1 convolutions (option B).
 */
import { batchNorm } from '../layers/batch-norm.js';
import { conv2d } from '../layers/conv2d.js';
import { dense } from '../layers/dense.js';
import { globalAveragePool2d } from '../layers/global-average-pool2d.js';
import type { AnyLayer } from '../layers/layer.js';
import { residual } from '../layers/residual.js';
import { type Network, type NetworkOptions, networkOptions } from './network.js';

/** Filters and first stride of each stage of two blocks. */
const stages = [
  [64, 1],
  [128, 2],
  [256, 2],
  [512, 2],
] as const;

/** A convolution that keeps the size but for its stride, normalized. */
function convNorm(filters: number, kernelSize: number, strides: number, activation: 'linear' | 'relu'): AnyLayer[] {
  const padding = (kernelSize - 1) / 2;
  return [
    conv2d({ filters, kernelSize, strides, padding, useBias: false, weightsInitializer: 'heNormal' }),
    batchNorm({ activation }),
  ];
}

/** Two convolutions beside a shortcut; it is a projection where the stage changes the shape. */
function basicBlock(filters: number, strides: number, project: boolean): AnyLayer {
  const layers = [...convNorm(filters, 3, strides, 'relu'), ...convNorm(filters, 3, 1, 'linear')];
  return residual(layers, { shortcut: project ? convNorm(filters, 1, strides, 'linear') : [], activation: 'relu' });
}

/**
 * conv 3x3x64, four stages of two basic blocks (64, 128, 256, 512 filters; strides 1, 2, 2, 2), global average pooling, dense `classes`.
 * Each convolution has no bias and is followed by a batch normalization. Defaults: images [32, 32, 3] (any size will do), 10 classes;
 * 11,173,962 trainable parameters.
 */
export function resnet18(options?: NetworkOptions): Network {
  const { inputShape, classes } = networkOptions('resnet18', options, [32, 32, 3]);
  const layers = [
    ...convNorm(64, 3, 1, 'relu'),
    ...stages.flatMap(([filters, strides]) => [
      basicBlock(filters, strides, strides > 1),
      basicBlock(filters, 1, false),
    ]),
    globalAveragePool2d(),
    dense({ units: classes }),
  ];
  return { name: 'resnet18', inputShape, classes, layers };
}
