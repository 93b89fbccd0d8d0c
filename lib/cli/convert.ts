/** `steepest convert` and `steepest export`: models and tensors from one kind of file to another, by the names' endings. */
import { stat } from 'node:fs/promises';
import { extname } from 'node:path';
import { Command, Option } from 'commander';
import { replaceFile } from '../files.js';
import type { NpyArray, NpyType } from '../formats/npy.js';
import { encodeNpz, readNpz } from '../formats/npz.js';
import {
  encodeSafetensors,
  readSafetensors,
  type SafetensorsTensor,
  type SafetensorsType,
} from '../formats/safetensors.js';
import { loadModel, Model } from '../train/model.js';
import { fromOnnx, toOnnx } from '../train/onnx.js';
import { isModelFile } from '../train/saved.js';
import { type Io, OK, UsageError } from './io.js';
import { examples } from './values.js';

const formats = ['safetensors', 'onnx', 'npz'] as const;
type Format = (typeof formats)[number];

/** numpy's types and those of safetensors; numpy has no bfloat16, whose values float32 holds. */
const TYPES: Readonly<Record<NpyType, SafetensorsType>> = {
  float64: 'F64',
  float32: 'F32',
  float16: 'F16',
  int64: 'I64',
  int32: 'I32',
  int16: 'I16',
  int8: 'I8',
  uint64: 'U64',
  uint32: 'U32',
  uint16: 'U16',
  uint8: 'U8',
  bool: 'BOOL',
};
const npyTypes = Object.keys(TYPES) as NpyType[];

export function convertCommand(io: Io, finish: (code: number) => void): Command {
  return new Command('convert')
    .description(
      'convert a model or tensors from one kind of file to another, by the endings .safetensors, .onnx and .npz',
    )
    .argument('<in>', 'a saved model (.safetensors), an ONNX file, or tensors (.safetensors, .npz)')
    .argument('<out>', 'what to write; .npz has the parameters alone')
    .addHelpText(
      'after',
      examples(
        'convert digits.safetensors digits.onnx',
        'convert digits.onnx digits.safetensors',
        'convert digits.safetensors weights.npz',
      ),
    )
    .action(async (from: string, to: string) => finish(await convert(from, to, formatOf(to), io)));
}

export function exportCommand(io: Io, finish: (code: number) => void): Command {
  return new Command('export')
    .description('write a saved model for other programs: as ONNX, or its parameters as safetensors or .npz')
    .argument('<out>', 'what to write')
    .requiredOption('--model <file>', 'what model.save or train --save wrote')
    .addOption(new Option('--format <name>', "kind of file (default: as the name's ending says)").choices(formats))
    .addHelpText(
      'after',
      examples(
        'export --model digits.safetensors digits.onnx',
        'export --model digits.safetensors --format npz weights',
      ),
    )
    .action(async (to: string, { model, format }: { model: string; format?: Format }) =>
      finish(await convert(model, to, format ?? formatOf(to), io)),
    );
}

/** The format that a name's ending says. */
function formatOf(file: string): Format {
  const format = formats.find((name) => extname(file).toLowerCase() === `.${name}`);
  if (format === undefined)
    throw new UsageError(`${file}: expected a name ending in ${formats.map((name) => `.${name}`).join(', ')}`);
  return format;
}

async function convert(from: string, to: string, format: Format, io: Io): Promise<number> {
  const content = await read(from);
  if (content instanceof Model && format === 'safetensors') await content.save(to);
  else await replaceFile('convert', 'the result', to, await encoded(content, from, format));
  const { size } = await stat(to);
  io.out(`${to}: ${format}, ${size.toLocaleString('en-US')} bytes\n`);
  return OK;
}

/** A model, or tensors by name. Parameters are copied, not computed with: the reference is there everywhere. */
type Content = Model | Readonly<Record<string, SafetensorsTensor>>;
const device = { device: 'reference' } as const;

async function read(file: string): Promise<Content> {
  const format = formatOf(file);
  if (format === 'onnx') return await fromOnnx(file, device);
  if (format === 'npz') return tensorsOf(await readNpz(file));
  const saved = await readSafetensors(file);
  return isModelFile(saved) ? await loadModel(file, device) : saved.tensors;
}

function tensorsOf(arrays: Readonly<Record<string, NpyArray>>): Record<string, SafetensorsTensor> {
  const tensors: Record<string, SafetensorsTensor> = Object.create(null);
  for (const [name, { dtype, shape, data }] of Object.entries(arrays))
    tensors[name] = { dtype: TYPES[dtype], shape, data };
  return tensors;
}

async function encoded(content: Content, from: string, format: Format): Promise<Uint8Array> {
  if (content instanceof Model) {
    if (format === 'onnx') return toOnnx(content);
    const arrays = content.weights().map(({ name, shape, values }) => [name, { shape, data: values }] as const);
    return encodeNpz(Object.fromEntries(arrays));
  }
  if (format === 'onnx') throw new UsageError(`${from} has tensors alone: ONNX is for models`);
  if (format === 'safetensors') return encodeSafetensors(content);
  const arrays: Record<string, NpyArray> = Object.create(null);
  for (const [name, { dtype, shape, data }] of Object.entries(content))
    arrays[name] = { dtype: npyTypes.find((type) => TYPES[type] === dtype) ?? 'float32', shape, data };
  return encodeNpz(arrays);
}
