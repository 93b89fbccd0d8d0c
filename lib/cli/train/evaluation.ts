/** What the log of a training run tells of the network at its end: the test by class, the first layer's filters, and images that were misread. */
import { encodePng } from '../../formats/png.js';
import type { LossOption } from '../../losses/registry.js';
import type { Model } from '../../train/model.js';
import { classesOf } from '../../train/predict.js';
import { softmax } from '../softmax.js';
import { type ImageShape, type Images, isImage } from './data.js';

/** How many filters, and misread images, are shown. */
const [MOST_FILTERS, MOST_MISREAD] = [64, 60];

/** Evaluates the test images; the line of the log. */
export async function evaluationEvent(model: Model, test: Images, loss: LossOption) {
  const metrics = ['loss', 'accuracy', 'confusionMatrix', 'classificationReport'] as const;
  const { rows, classificationReport: report, ...found } = await model.evaluate(test, { loss, metrics });
  const { shape } = test;
  const filters = isImage(shape) ? firstFilters(model, shape) : undefined;
  return {
    event: 'evaluation',
    images: rows,
    ...found,
    ...(test.classNames && { classNames: test.classNames }),
    classes: report!.classes,
    ...(filters && { filters }),
    misread: isImage(shape) ? await misread(model, test, shape, loss) : [],
  };
}

/** The wrong answers that the network is surest of. */
async function misread(model: Model, test: Images, shape: ImageShape, loss: LossOption) {
  const outputs = await model.predict(test.x);
  const columns = outputs.length / test.count;
  const predictions = columns > 1 ? classesOf(outputs, columns, 0) : await model.predictClasses(test.x);
  const row = (i: number) => Float64Array.from(outputs.subarray(i * columns, (i + 1) * columns));
  const probabilities = loss === 'softmaxCrossEntropy' && columns > 1 ? probabilitiesOf(test.count, row) : undefined;
  const sure = (i: number) => (probabilities?.(row(i)) ?? row(i))[predictions[i]!] ?? 0;
  const wrong = Array.from(predictions.keys()).filter((i) => predictions[i] !== test.y[i]);
  return wrong
    .map((i) => ({ i, sureness: sure(i) }))
    .sort((a, b) => b.sureness - a.sureness)
    .slice(0, MOST_MISREAD)
    .map(({ i, sureness }) => ({
      image: imageUrl(test, shape, i),
      label: test.y[i]!,
      prediction: predictions[i]!,
      ...(probabilities && { probability: sureness }),
    }));
}

type Numbers = Float64Array;
const sum = (values: Numbers) => values.reduce((a, b) => a + b, 0);
const largest = (values: Numbers) => values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);

/** Turns a row of outputs into probabilities: where all rows are distributions already (a network that ends with softmax), they stay. */
function probabilitiesOf(rows: number, row: (i: number) => Numbers): (outputs: Numbers) => Numbers {
  const isDistribution = (values: Numbers) => Math.abs(sum(values) - 1) < 1e-3 && values.every((v) => v >= 0);
  let i = 0;
  while (i < rows && isDistribution(row(i))) i++;
  if (i === rows) return (outputs) => outputs;
  return softmax;
}

/** The first weights that look at images, each filter as an image: of a convolution, or of a fully-connected layer on all pixels. */
function firstFilters(model: Model, [height, width, channels]: ImageShape) {
  const weights = model.weights().find(({ shape }) => shape.length === 4 || shape.length === 2);
  if (weights === undefined) return undefined;
  const { name, shape, values } = weights;
  const [rows, columns, depth, count] =
    shape.length === 4 ? (shape as [number, number, number, number]) : [height, width, channels, shape[1]!];
  if (rows * columns * depth * count !== values.length) return undefined;
  const images = Array.from({ length: Math.min(count, MOST_FILTERS) }, (_, k) =>
    filterUrl({ rows, columns, depth }, (i) => values[i * count + k]!),
  );
  return { layer: name.replace(/\.[^.]*$/, ''), images };
}

interface Size {
  readonly rows: number;
  readonly columns: number;
  readonly depth: number;
}

/** 0 is grey; the largest weight, whatever its sign, is white or black. */
function filterUrl(size: Size, at: (i: number) => number): string {
  const values = Float64Array.from({ length: size.rows * size.columns * size.depth }, (_, i) => at(i));
  const top = largest(values.map(Math.abs)) || 1;
  return pngUrl(size, (i) => 127.5 + 127.5 * (values[i]! / top));
}

/** Bytes as they are; of other values the least is black and the largest white. */
function imageUrl({ x }: Images, [rows, columns, depth]: ImageShape, index: number): string {
  const length = rows * columns * depth;
  const image = x.subarray(index * length, (index + 1) * length);
  const size = { rows, columns, depth };
  if (image instanceof Uint8Array) return pngUrl(size, (i) => image[i]!);
  const values = Float64Array.from(image);
  const [low, high] = [-largest(values.map((v) => -v)), largest(values)];
  return pngUrl(size, (i) => (255 * (values[i]! - low)) / (high - low || 1));
}

/** RGB where there are three channels, else the first one in grey. */
function pngUrl({ rows, columns, depth }: Size, at: (i: number) => number): string {
  const channels = depth === 3 ? 3 : 1;
  const data = Uint8Array.from({ length: rows * columns * channels }, (_, i) =>
    Math.round(at(channels === 3 ? i : i * depth)),
  );
  const png = encodePng({ width: columns, height: rows, channels, data });
  return `data:image/png;base64,${Buffer.from(png).toString('base64')}`;
}
