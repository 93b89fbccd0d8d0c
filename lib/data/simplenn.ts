/**
 * SimpleNN's data: a MAT-file with labels y, 1 .. K, and a full matrix Z with an image in each row, one channel after another
 * (github.com/cjlin1/simpleNN, MATLAB/README.md).
 */
import { checkInteger, checkOneOf, checkOptions, wrongFormat, wrongType } from '../errors.js';
import { type MatArray, readMat } from './mat.js';
import { type ByteSource, sourceName } from './unpack.js';

export interface SimplennOptions {
  /** Of one image: [height, width, channels]. */
  readonly inputShape: readonly [number, number, number];
  /** Classes that there are. Default: the largest label. */
  readonly classes?: number;
  /**
   * How the pixels of a channel lie in a row of Z. 'rows' (default): row after row, as in SimpleNN's own demo sets. 'columns': as MATLAB's
   * reshape has them. A square image becomes its mirror image by the other one, which trains alike.
   */
  readonly pixelOrder?: PixelOrder;
}
export const pixelOrders = ['rows', 'columns'] as const;
export type PixelOrder = (typeof pixelOrders)[number];

/** Images of real numbers with a class for each: a data set. */
export interface RealImages {
  /** count * height * width * channels values: image after image, row after row, the channels of a pixel together. */
  readonly x: Float32Array | Float64Array;
  /** `count` classes, 0 .. classes - 1. */
  readonly y: Int32Array;
  readonly count: number;
  readonly shape: readonly [number, number, number];
  readonly classes: number;
}

/** Labels are numbers of 32 bits. */
const MOST_CLASSES = 2 ** 31 - 1;

/**
 * Reads a data set of SimpleNN from a path or from memory. Labels 1 .. K become 0 .. K - 1.
 * @throws (rejects) what readMat throws; ERR_FORMAT where Z and y do not fit each other or `inputShape`, or a label is none of the classes;
 *   TypeError, RangeError on options.
 * @example const train = await simplennData('mnist-demo.mat', { inputShape: [28, 28, 1] });
 */
export async function simplennData(source: ByteSource, options: SimplennOptions): Promise<RealImages> {
  checkOptions('simplennData', options ?? null, ['inputShape', 'classes', 'pixelOrder']);
  const shape = checkShape(options.inputShape);
  const pixelOrder = checkOneOf('simplennData', 'pixelOrder', options.pixelOrder ?? 'rows', pixelOrders);
  const given =
    options.classes === undefined
      ? undefined
      : checkInteger('simplennData', 'classes', options.classes, 1, MOST_CLASSES);
  const arrays = await readMat(source, ['y', 'Z']);
  const fail = (message: string) => wrongFormat('simplennData', `${sourceName('simplennData', source)}: ${message}`);
  const [labels, images] = [arrays.get('y')!, arrays.get('Z')!];
  const size = shape[0] * shape[1] * shape[2];
  const [count = 0, columns] = images.shape;
  if (images.shape.length !== 2 || columns !== size)
    throw fail(`expected rows of ${size} values (${shape.join(' x ')}) for Z but received ${images.shape.join(' x ')}`);
  if (labels.data.length !== count || count === 0)
    throw fail(`expected ${count} labels y, one for each row of Z, at least one, but received ${labels.data.length}`);
  const classes =
    given ??
    Math.min(
      MOST_CLASSES,
      Array.from(labels.data).reduce((most, label) => Math.max(most, label), 1),
    );
  const odd = labels.data.findIndex((label: number) => !(Number.isInteger(label) && label >= 1 && label <= classes));
  if (odd >= 0) throw fail(`expected labels 1 to ${classes} for y but label ${odd} is ${labels.data[odd]}`);
  const y = Int32Array.from(labels.data, (label: number) => label - 1);
  return { x: channelsLast(images, shape, pixelOrder), y, count, shape, classes };
}

function checkShape(shape: unknown): readonly [number, number, number] {
  if (!Array.isArray(shape) || shape.length !== 3)
    throw wrongType('simplennData', 'inputShape', 'an array [height, width, channels]', shape);
  for (const [axis, size] of shape.entries()) checkInteger('simplennData', `inputShape[${axis}]`, size, 1);
  return shape as unknown as readonly [number, number, number];
}

/** From rows of channels of pixels to rows of pixels of channels. */
function channelsLast({ data }: MatArray, [h, w, c]: readonly [number, number, number], order: PixelOrder) {
  const x = data instanceof Float32Array ? new Float32Array(data.length) : new Float64Array(data.length);
  const [down, along] = order === 'rows' ? [w, 1] : [1, h];
  let to = 0;
  for (let image = 0; image < data.length; image += h * w * c)
    for (let i = 0; i < h; i++)
      for (let j = 0; j < w; j++)
        for (let channel = 0; channel < c; channel++) x[to++] = data[image + channel * h * w + i * down + j * along]!;
  return x;
}
