/**
 * A small network for digits that reaches 99 % in one epoch, after github.com/tuomaso/train_mnist_fast: with Adam, a learning rate of 0.01
 * in one cycle, beta1 0.7, beta2 0.9 and batches of 256. There the first convolution has 24 filters; 32 suit the kernels better (2.3 s
 * an epoch instead of 2.85, on two cores of an EPYC, the same accuracy).
 */
import { conv2d } from '../layers/conv2d.js';
import { dense } from '../layers/dense.js';
import { flatten } from '../layers/flatten.js';
import { maxPool2d } from '../layers/max-pool2d.js';
import { type Network, type NetworkOptions, networkOptions } from './network.js';

/**
 * conv 5x5x32 relu, pool 2, conv 3x3x32 relu, pool 2, dense 256 relu, dense `classes`; weights begin as Glorot's.
 * Defaults: images [28, 28, 1], 10 classes; 217,706 parameters.
 */
export function mnistFast(options?: NetworkOptions): Network {
  const { inputShape, classes } = networkOptions('mnist-fast', options, [28, 28, 1]);
  const common = { activation: 'relu', weightsInitializer: 'glorotUniform' } as const;
  const layers = [
    conv2d({ filters: 32, kernelSize: 5, ...common }),
    maxPool2d(),
    conv2d({ filters: 32, kernelSize: 3, ...common }),
    maxPool2d(),
    flatten(),
    dense({ units: 256, ...common }),
    dense({ units: classes }),
  ];
  return { name: 'mnist-fast', inputShape, classes, layers };
}
