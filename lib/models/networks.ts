/** The named networks: for `--model NAME` and the benches. */
import { checkOneOf } from '../errors.js';
import { cnn4 } from './cnn4.js';
import { lenet } from './lenet.js';
import { mlp } from './mlp.js';
import { mnistFast } from './mnist-fast.js';
import type { Network, NetworkOptions } from './network.js';
import { resnet18 } from './resnet18.js';
import { vgg11 } from './vgg11.js';

export const networks = { mlp, lenet, 'mnist-fast': mnistFast, cnn4, vgg11, resnet18 } as const;
export type NetworkName = keyof typeof networks;
export const networkNames = Object.keys(networks) as NetworkName[];

/** A network by its name. @throws RangeError on an unknown name, with the nearest one. */
export function networkFrom(name: NetworkName, options?: NetworkOptions): Network {
  return networks[checkOneOf('network', 'name', name, networkNames)](options);
}
