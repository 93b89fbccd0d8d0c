/** Values of command-line options: read strictly, refused with what was expected. */
import { InvalidArgumentError, Option } from 'commander';
import { networkNames } from '../models/networks.js';
import { type Device, deviceNames, gpuNumber, type ModelPrecision } from '../train/device.js';

/** A whole number of at least `min`. */
export function wholeNumber(min: number): (text: string) => number {
  return (text) => {
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (!Number.isSafeInteger(value) || value < min)
      throw new InvalidArgumentError(`Expected a whole number >= ${min}.`);
    return value;
  };
}

/** A finite number above 0. */
export function positiveNumber(text: string): number {
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (!Number.isFinite(value) || value <= 0) throw new InvalidArgumentError('Expected a number > 0.');
  return value;
}

/** A finite number in [min, max]. */
export function numberIn(min: number, max = Number.POSITIVE_INFINITY): (text: string) => number {
  return (text) => {
    const value = text.trim() === '' ? Number.NaN : Number(text);
    if (!Number.isFinite(value) || value < min || value > max)
      throw new InvalidArgumentError(`Expected a number in [${min}, ${max}].`);
    return value;
  };
}

/** Above 0 and below 1. */
export function smallPositiveNumber(text: string): number {
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (!(value > 0 && value < 1)) throw new InvalidArgumentError('Expected a number > 0 and < 1.');
  return value;
}

/** Part of a whole: above 0, at most 1. */
export function fraction(text: string): number {
  const value = Number(text.trim() === '' ? Number.NaN : text);
  if (!(value > 0 && value <= 1)) throw new InvalidArgumentError('Expected a number > 0 and at most 1.');
  return value;
}

/** A rate of decay: at least 0, below 1. */
export function decayRate(text: string): number {
  const value = Number(text.trim() === '' ? Number.NaN : text);
  if (!(value >= 0 && value < 1)) throw new InvalidArgumentError('Expected a number in [0, 1).');
  return value;
}

export type DeviceOption = Device;
export type PrecisionOption = Exclude<ModelPrecision, 'float32' | 'float64'>;
const precisions = ['fp32', 'strict', 'tf32', 'bf16'] as const satisfies readonly PrecisionOption[];

/** The name of a device: one of deviceNames, or cuda:N. */
function deviceName(text: string): Device {
  if (gpuNumber(text) === undefined && !deviceNames.some((name) => name === text))
    throw new InvalidArgumentError(`Allowed choices are ${deviceNames.join(', ')}, cuda:N.`);
  return text as Device;
}

// Options that several commands share.
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
export const jsonOption = () => new Option('--json', 'one JSON object a line on standard output, and nothing else');
