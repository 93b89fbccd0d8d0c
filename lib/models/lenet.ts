/** A convolutional network for digits after LeNet-5 (LeCun et al. 1998; lecture notes 1.3.7 and 1.3.8), with relu and max pooling. */
import { conv2d } from '../layers/conv2d.js';
import { dense } from '../layers/dense.js';
import { flatten } from '../layers/flatten.js';
import { maxPool2d } from '../layers/max-pool2d.js';
import { type Network, type NetworkOptions, networkOptions } from './network.js';

/**
 * conv 5x5x32 pad 2 relu, pool 2, conv 5x5x64 pad 2 relu, pool 2, dense 128 relu, dense `classes`.
 * Defaults: images [28, 28, 1], 10 classes; 454,922 parameters.
 */
export function lenet(options?: NetworkOptions): Network {
  const { inputShape, classes } = networkOptions('lenet', options, [28, 28, 1]);
  const layers = [
    conv2d({ filters: 32, kernelSize: 5, padding: 2, activation: 'relu' }),
    maxPool2d(),
    conv2d({ filters: 64, kernelSize: 5, padding: 2, activation: 'relu' }),
    maxPool2d(),
    flatten(),
    dense({ units: 128, activation: 'relu' }),
    dense({ units: classes }),
  ];
  return { name: 'lenet', inputShape, classes, layers };
}
