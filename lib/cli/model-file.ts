/** The model in a file, for the commands that use one: what train --save and model.save wrote, or an ONNX file. */
import { extname } from 'node:path';
import { type Command, Option } from 'commander';
import { loadModel, type Model } from '../train/model.js';
import { fromOnnx } from '../train/onnx.js';
import { type DeviceOption, deviceOption, type PrecisionOption, precisionOption, threadsOption } from './arguments.js';
import { jsonOption } from './values.js';

export interface ModelFileArguments {
  readonly model: string;
  readonly device: DeviceOption;
  readonly threads?: number;
  readonly precision: PrecisionOption;
  readonly json?: boolean;
}

/** The model, what computes, and --json. */
export function addModelFileOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--model <file>', 'what train --save or model.save wrote, or an ONNX file').makeOptionMandatory(),
    )
    .addOption(deviceOption())
    .addOption(threadsOption())
    .addOption(precisionOption())
    .addOption(jsonOption());
}

export function openModel({ model, device, threads, precision }: ModelFileArguments): Promise<Model> {
  const read = extname(model).toLowerCase() === '.onnx' ? fromOnnx : loadModel;
  return read(model, { device, threads, precision });
}
