/** What a named network is: a list of layers for an input shape and a number of classes. */
import { checkInteger, checkOptions, show, wrongType } from '../errors.js';
import type { AnyLayer } from '../layers/layer.js';

export interface Network {
  readonly name: string;
  /** Without the batch: [28, 28, 1]. */
  readonly inputShape: readonly number[];
  readonly classes: number;
  readonly layers: readonly AnyLayer[];
}

export interface NetworkOptions {
  /** Height, width and channels of the images. */
  readonly inputShape?: readonly number[];
  /** Outputs of the last layer. Default 10. */
  readonly classes?: number;
}

/** Checks the options and fills the defaults in; the layers check that the images are large enough. */
export function networkOptions(name: string, options: NetworkOptions | undefined, shape: readonly number[]) {
  checkOptions(name, options, ['inputShape', 'classes']);
  const { inputShape = shape, classes = 10 } = options ?? {};
  if (!Array.isArray(inputShape)) throw wrongType(name, 'inputShape', 'an array [height, width, channels]', inputShape);
  if (inputShape.length !== 3 || !inputShape.every((d) => Number.isInteger(d) && d >= 1))
    throw new RangeError(
      `${name}: expected [height, width, channels] of sizes >= 1 for inputShape but received ${show(inputShape)}`,
    );
  return { inputShape, classes: checkInteger(name, 'classes', classes, 1) };
}
