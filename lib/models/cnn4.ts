/** A small network for colour images: three convolutions and a fully-connected layer (lecture notes 1.3.7 and 1.3.8). */
import { conv2d } from '../layers/conv2d.js';
import { dense } from '../layers/dense.js';
import { flatten } from '../layers/flatten.js';
import { maxPool2d } from '../layers/max-pool2d.js';
import { type Network, type NetworkOptions, networkOptions } from './network.js';

/**
 * conv 5x5x32 pad 2 relu, pool 2, conv 3x3x64 pad 1 relu, pool 2, conv 3x3x64 pad 1 relu, pool 2, dense `classes`.
 * Defaults: images [32, 32, 3], 10 classes; 68,106 parameters.
 */
export function cnn4(options?: NetworkOptions): Network {
  const { inputShape, classes } = networkOptions('cnn4', options, [32, 32, 3]);
  const layers = [
    conv2d({ filters: 32, kernelSize: 5, padding: 2, activation: 'relu' }),
    maxPool2d(),
    conv2d({ filters: 64, kernelSize: 3, padding: 1, activation: 'relu' }),
    maxPool2d(),
    conv2d({ filters: 64, kernelSize: 3, padding: 1, activation: 'relu' }),
    maxPool2d(),
    flatten(),
    dense({ units: classes }),
  ];
  return { name: 'cnn4', inputShape, classes, layers };
}
