/** The model of `steepest train`: a named network, one of a SimpleNN file, or one that was saved. */

import { zeroPadding2d } from '../../layers/zero-padding2d.js';
import type { Network } from '../../models/network.js';
import { type NetworkName, networkFrom } from '../../models/networks.js';
import { countOf } from '../../numbers.js';
import { loadModel, type Model, sequential } from '../../train/model.js';
import type { DeviceOption, PrecisionOption } from '../arguments.js';
import { UsageError } from '../io.js';
import { type DataArguments, type Images, isImage } from './data.js';
import type { Report } from './report.js';

export const DEFAULT_MODEL: NetworkName = 'lenet';

export interface ModelArguments extends Pick<DataArguments, 'data'> {
  readonly model?: NetworkName;
  readonly config?: string;
  readonly load?: string;
  readonly seed: number;
  readonly device: DeviceOption;
  readonly threads?: number;
  readonly precision: PrecisionOption;
}

/** The model for these images. `config`: the network of the file that --config names. */
export async function modelFor(
  options: ModelArguments,
  config: Network | undefined,
  images: Images,
  report: Report,
): Promise<Model> {
  if (options.load !== undefined) return await loaded(options.load, options, images);
  return config === undefined ? buildModel(options, images, report) : configured(config, options, images);
}

/** The network for images of this shape. One that wants larger images gets a border of zeros round them. */
function buildModel(options: ModelArguments, { shape, classes }: Images, report: Report): Model {
  const { model: name = DEFAULT_MODEL, seed, device, threads, precision } = options;
  if (!isImage(shape)) return tableModel(options, shape, classes);
  const [height, width, channels] = shape;
  const wanted = networkFrom(name).inputShape[0]!;
  const padding = Math.max(0, Math.ceil((wanted - Math.min(height, width)) / 2));
  const inputShape = [height + 2 * padding, width + 2 * padding, channels];
  const { layers } = networkFrom(name, { inputShape, classes });
  if (padding > 0)
    report.note(
      `${name} takes images of ${inputShape.join(' x ')}: a border of ${padding} zeros is put round ${shape.join(' x ')}`,
    );
  return sequential(
    { inputShape: shape, seed, device, threads, precision },
    padding > 0 ? [zeroPadding2d({ padding }), ...layers] : layers,
  );
}

/** The network for rows of numbers: one that looks at no image as such, but flattens it first. */
function tableModel(options: ModelArguments, shape: readonly number[], classes: number): Model {
  const { model: name = DEFAULT_MODEL, data, seed, device, threads, precision } = options;
  const { layers } = networkFrom(name, { classes });
  if (layers[0]!.kind !== 'flatten')
    throw new UsageError(
      `${name} takes images, but ${data} has ${inputs(shape)}: give --model mlp or, where these are pixels, --image-size`,
    );
  return sequential({ inputShape: shape, seed, device, threads, precision }, layers);
}

/** What a network takes, in words. */
const inputs = (shape: readonly number[]) =>
  isImage(shape) ? `images of ${shape.join(' x ')}` : `rows of ${shape.join(' x ')} numbers`;

/** The network of a file, for images of just the shape and the classes that it says. */
function configured({ inputShape, classes, layers }: Network, options: ModelArguments, images: Images): Model {
  const { config, data, seed, device, threads, precision } = options;
  checkFit(config!, { inputShape, classes }, data, images);
  return sequential({ inputShape, seed, device, threads, precision }, layers);
}

/** A saved model, for images of just its shape and classes. */
async function loaded(file: string, options: ModelArguments, images: Images): Promise<Model> {
  const { data, device, threads, precision } = options;
  const model = await loadModel(file, { device, threads, precision });
  const classes = countOf(model.outputShape);
  checkFit(file, { inputShape: model.inputShape, classes }, data, images);
  return model;
}

/** Throws where images are not those that a model takes. `file`: where it is from. */
export function checkFit(
  file: string,
  { inputShape, classes }: Pick<Network, 'inputShape' | 'classes'>,
  data: string,
  images: Images,
): void {
  if (inputShape.join() !== images.shape.join() || classes !== images.classes)
    throw new UsageError(
      `${file} is for ${inputs(inputShape)} in ${classes} classes, but ${data} has ${inputs(images.shape)} in ${images.classes}`,
    );
}
