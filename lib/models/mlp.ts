/** A fully-connected network 784-512-512-10 with relu (lecture notes 1.2). */
import { dense } from '../layers/dense.js';
import { flatten } from '../layers/flatten.js';
import { type Network, type NetworkOptions, networkOptions } from './network.js';

/** flatten, dense 512 relu, dense 512 relu, dense `classes`. Defaults: images [28, 28, 1], 10 classes; 669,706 parameters. */
export function mlp(options?: NetworkOptions): Network {
  const { inputShape, classes } = networkOptions('mlp', options, [28, 28, 1]);
  const layers = [
    flatten(),
    dense({ units: 512, activation: 'relu' }),
    dense({ units: 512, activation: 'relu' }),
    dense({ units: classes }),
  ];
  return { name: 'mlp', inputShape, classes, layers };
}
