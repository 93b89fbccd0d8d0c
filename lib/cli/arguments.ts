/** Options that several commands share. */
import { InvalidArgumentError, Option } from 'commander';
import { networkNames } from '../models/networks.js';
import { type Device, deviceNames, gpuNumber, type ModelPrecision } from '../train/device.js';
import { wholeNumber } from './values.js';

export type DeviceOption = Device;
export type PrecisionOption = Exclude<ModelPrecision, 'float32' | 'float64'>;
const precisions = ['fp32', 'strict', 'tf32', 'bf16'] as const satisfies readonly PrecisionOption[];

/** The name of a device: one of deviceNames, or cuda:N. */
function deviceName(text: string): Device {
  if (gpuNumber(text) === undefined && !deviceNames.some((name) => name === text))
    throw new InvalidArgumentError(`Allowed choices are ${deviceNames.join(', ')}, cuda:N.`);
  return text as Device;
}

export const modelOption = () => new Option('--model <name>', 'network').choices(networkNames);
export const deviceOption = () =>
  new Option('--device <name>', `what computes: ${deviceNames.join(', ')}, cuda:N (the GPU with that number)`)
    .argParser(deviceName)
    .default('auto');
export const threadsOption = () =>
  new Option('--threads <n>', 'threads of the cpu device (default: physical cores)').argParser(wholeNumber(1));
/** Of 32-bit computing; float64 is for the library. */
export const precisionOption = () =>
  new Option('--precision <name>', 'strict: without algorithms that lose a digit; tf32, bf16: faster products on cuda')
    .choices(precisions)
    .default('fp32');
export const profileOption = () =>
  new Option('--profile <file>', 'write a trace of the kernels for ui.perfetto.dev, and a table to standard error');
