/** The model in a file, for the commands that use one: what train --save and model.save wrote, or an ONNX file. */
import { extname } from 'node:path';
import { Option } from 'commander';
import { loadModel, type Model } from '../train/model.js';
import { fromOnnx } from '../train/onnx.js';
import type { DeviceOption, PrecisionOption } from './arguments.js';

export interface ModelFileArguments {
  readonly model: string;
  readonly device: DeviceOption;
  readonly threads?: number;
  readonly precision: PrecisionOption;
}

export const modelFileOption = () =>
  new Option('--model <file>', 'what train --save or model.save wrote, or an ONNX file').makeOptionMandatory();

export function openModel({ model, device, threads, precision }: ModelFileArguments): Promise<Model> {
  const read = extname(model).toLowerCase() === '.onnx' ? fromOnnx : loadModel;
  return read(model, { device, threads, precision });
}
