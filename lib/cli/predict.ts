/** `steepest predict`: the classes of images, with their probabilities. */

import { readFile, stat } from 'node:fs/promises';
import { Command } from 'commander';
import { decodeFile } from '../data/decode.js';
import { classFolders } from '../data/image-list.js';
import type { Image } from '../data/jpeg.js';
import { wrongFormat } from '../errors.js';
import type { AnyLayer } from '../layers/layer.js';
import { countOf } from '../numbers.js';
import type { Model } from '../train/model.js';
import { type Io, jsonLine, OK, UsageError } from './io.js';
import { addModelFileOptions, type ModelFileArguments, openModel } from './model-file.js';
import { softmax } from './softmax.js';
import { examples, wholeNumber } from './values.js';

interface PredictArguments extends ModelFileArguments {
  readonly classes?: string;
  readonly top: number;
}

/** Images that are in memory together. */
const BATCH = 256;

export function predictCommand(io: Io, finish: (code: number) => void): Command {
  return addModelFileOptions(new Command('predict'))
    .description(
      'tell the classes of images (JPEG, PNG; with the package sharp other formats, and other sizes than the model has)',
    )
    .argument('<image...>', 'files')
    .option(
      '--classes <names>',
      'names of the classes: a,b,c or a file with one a line, or a folder with one for each class (default: their numbers)',
    )
    .option('--top <n>', 'classes told of each image, the most probable first', wholeNumber(1), 1)
    .addHelpText(
      'after',
      examples(
        'predict --model digits.safetensors 7.png',
        'predict --model pets.safetensors --classes pets/train cat.jpg',
        'predict --model cifar.onnx --classes airplane,car,bird,cat,deer,dog,frog,horse,ship,truck --top 3 --json *.jpg',
      ),
    )
    .action(async (files: string[], options: PredictArguments) => finish(await predict(files, options, io)));
}

async function predict(files: readonly string[], options: PredictArguments, io: Io): Promise<number> {
  const model = await openModel(options);
  try {
    const classes = countOf(model.outputShape);
    const names = await namesOf(options.classes, Math.max(2, classes));
    for (let first = 0; first < files.length; first += BATCH) {
      const some = files.slice(first, first + BATCH);
      const x = await pixels(some, model);
      const outputs = await model.predict(x);
      for (const [i, file] of some.entries()) {
        const found = ranked(probabilities(model, outputs.subarray(i * classes, (i + 1) * classes))).slice(
          0,
          options.top,
        );
        tell(
          io,
          options,
          file,
          found.map(([c, probability]) => ({ label: names[c]!, probability })),
        );
      }
    }
    return OK;
  } finally {
    model.dispose();
  }
}

/** Names of the classes, from the option, a file or a folder. */
async function namesOf(option: string | undefined, classes: number): Promise<string[]> {
  if (option === undefined) return Array.from({ length: classes }, (_, i) => String(i));
  const names = await namesIn(option);
  if (names.length !== classes)
    throw new UsageError(`--classes: the model has ${classes} classes but there are ${names.length} names`);
  return names;
}

async function namesIn(option: string): Promise<string[]> {
  const list = option.includes(',');
  if (!list && (await stat(option)).isDirectory()) return classFolders('predict', option);
  const text = list ? option.replaceAll(',', '\n') : await readFile(option, 'utf8');
  return text.split(/\r?\n/).filter((name) => name.trim() !== '');
}

/** The images one after another, as the model takes them. */
async function pixels(files: readonly string[], { inputShape }: Model): Promise<Uint8Array> {
  const [height, width, channels] = inputShape;
  if (inputShape.length !== 3 || (channels !== 1 && channels !== 3))
    throw new UsageError(`predict: the model takes inputs of shape [${inputShape.join(', ')}], which are no images`);
  const size = height! * width! * channels;
  const x = new Uint8Array(files.length * size);
  const put = (image: Image, to: number) => {
    if (image.shape[0] !== height || image.shape[1] !== width) return image.shape;
    x.set(inChannels(image, channels), to);
    return undefined;
  };
  for (const [i, file] of files.entries()) {
    const other = await decodeFile('predict', file, undefined, (image) => put(image, i * size));
    if (other === undefined) continue;
    const still = await decodeFile('predict', file, [height!, width!], (image) => put(image, i * size)).catch(
      (cause) => {
        const shape = `${other[0]} x ${other[1]}`;
        const message = `the model takes images of ${height} x ${width} but this one is ${shape} (the package sharp would resize it)`;
        throw wrongFormat('predict', `${file}: ${message}`, cause);
      },
    );
    if (still !== undefined)
      throw wrongFormat('predict', `${file}: expected ${height} x ${width} but received ${still.join(' x ')}`);
  }
  return x;
}

/** The pixels with as many channels as the model has: grey is repeated, colours are weighed as by ITU-R BT.601. */
function inChannels({ shape, data }: Image, channels: 1 | 3): Uint8Array {
  if (shape[2] === channels) return data;
  const count = shape[0] * shape[1];
  const out = new Uint8Array(count * channels);
  for (let p = 0; p < count; p++)
    if (channels === 3) out.fill(data[p]!, 3 * p, 3 * p + 3);
    else out[p] = Math.round(0.299 * data[3 * p]! + 0.587 * data[3 * p + 1]! + 0.114 * data[3 * p + 2]!);
  return out;
}

/** Outputs as probabilities: as they are, where they are such; else scores by softmax, or of one output by the logistic function. */
function probabilities(model: Model, outputs: ArrayLike<number>): Float64Array {
  const values = Float64Array.from(outputs);
  const { kind, options } = model.layers.at(-1) as AnyLayer & { options: { activation?: string } };
  const ending = options.activation ?? kind;
  if (values.length === 1) {
    const one = ending === 'sigmoid' ? values[0]! : 1 / (1 + Math.exp(-values[0]!));
    return Float64Array.of(1 - one, one);
  }
  if (ending === 'softmax') return values;
  return softmax(values);
}

/** Classes with their probabilities, the most probable first. */
const ranked = (all: Float64Array) =>
  Array.from(all, (p, c) => [c, p] as const).sort((a, b) => b[1] - a[1] || a[0] - b[0]);

function tell(
  io: Io,
  { json }: PredictArguments,
  file: string,
  classes: readonly { readonly label: string; readonly probability: number }[],
): void {
  if (json) jsonLine(io, { event: 'prediction', file, ...classes[0], ...(classes.length > 1 && { classes }) });
  else io.out(`${file}: ${classes.map(({ label, probability }) => `${label} ${probability.toFixed(4)}`).join(', ')}\n`);
}
