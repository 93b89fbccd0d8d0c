/** VGG11, configuration A of Simonyan and Zisserman (2015, table 1), with one fully-connected layer as is usual for 32 x 32 images. */
import { conv2d } from '../layers/conv2d.js';
import { dense } from '../layers/dense.js';
import { flatten } from '../layers/flatten.js';
import { maxPool2d } from '../layers/max-pool2d.js';
import { type Network, type NetworkOptions, networkOptions } from './network.js';

/** Filters of each convolution; M is a pooling. */
const configurationA = [64, 'M', 128, 'M', 256, 256, 'M', 512, 512, 'M', 512, 512, 'M'] as const;

/**
 * 64 M 128 M 256 256 M 512 512 M 512 512 M, dense `classes`; each number is a convolution 3x3 pad 1 relu of so many filters, M a max pooling 2.
 * Defaults: images [32, 32, 3] (at least 32 x 32), 10 classes; 9,225,610 parameters.
 */
export function vgg11(options?: NetworkOptions): Network {
  const { inputShape, classes } = networkOptions('vgg11', options, [32, 32, 3]);
  const layers = [
    ...configurationA.map((filters) =>
      filters === 'M' ? maxPool2d() : conv2d({ filters, kernelSize: 3, padding: 1, activation: 'relu' }),
    ),
    flatten(),
    dense({ units: classes }),
  ];
  return { name: 'vgg11', inputShape, classes, layers };
}
