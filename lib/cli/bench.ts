/** `steepest bench`: every kernel, the training step and inference, checked against the reference and timed beside it. */
import { Argument, Command } from 'commander';
import type { Backend } from '../backends/backend.js';
import { type NetworkName, networkNames } from '../models/networks.js';
import { chooseDevice, gpuNumber } from '../train/device.js';
import {
  type DeviceOption,
  deviceOption,
  modelOption,
  type PrecisionOption,
  precisionOption,
  profileOption,
  threadsOption,
} from './arguments.js';
import { kernelCases, lineOf, shapeText, smaller } from './bench/cases.js';
import { type Ceiling, measureCeiling } from './bench/ceiling.js';
import { benchKernel, type KernelResult, REFERENCE_WORK } from './bench/kernels.js';
import { benchTraining, referenceBatch, type TrainingResult } from './bench/training.js';
import { FAILED, type Io, jsonLine, OK, UsageError } from './io.js';
import { defaultThreads } from './machine.js';
import { examples, jsonOption, wholeNumber } from './values.js';

export interface BenchArguments {
  readonly model?: NetworkName;
  readonly batch?: number;
  readonly threads?: number;
  readonly device: DeviceOption;
  readonly precision?: PrecisionOption;
  readonly filter?: string;
  readonly seconds?: number;
  readonly profile?: string;
  /** Default true. */
  readonly reference?: boolean;
  readonly json?: boolean;
}

export function benchCommand(io: Io, finish: (code: number) => void): Command {
  return new Command('bench')
    .description('time kernels, training steps or inference, beside the reference')
    .addArgument(new Argument('<what>', 'what to time').choices(['kernels', 'train', 'infer']))
    .addOption(modelOption())
    .option('--batch <n>', 'images a step (default: 128; vgg11 and resnet18: 64)', wholeNumber(1))
    .addOption(threadsOption())
    .addOption(deviceOption())
    .addOption(precisionOption())
    .option('--filter <text>', "only cases whose line (the kernel's name and sizes) contains this")
    .option(
      '--no-reference',
      'do without the reference, which takes most of the time: nothing is checked, nothing timed beside',
    )
    .addOption(profileOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      examples(
        'bench kernels --filter gemm',
        "bench kernels --filter 'gemm m=1024'",
        'bench train --model lenet --threads 2',
        'bench infer --model vgg11 --json',
      ),
    )
    .action(async (what: 'kernels' | 'train' | 'infer', options: BenchArguments) => {
      finish(what === 'kernels' ? benchKernels(options, io) : await benchNetworks(what, options, io));
    });
}

/** What the device does at most; undefined for the reference. */
function ceilingOf({ name }: Backend, threads: number, device: DeviceOption): Ceiling | undefined {
  return name === 'reference' ? undefined : measureCeiling(threads, gpuNumber(device));
}

/** Times every kernel; a result that is wrong is told, and makes the exit code 1. */
export function benchKernels(options: BenchArguments, io: Io): number {
  const { filter = '', json = false, device } = options;
  if (options.model !== undefined || options.batch !== undefined)
    throw new UsageError('--model and --batch are for bench train and bench infer');
  if (options.profile !== undefined) throw new UsageError('--profile is for bench train and bench infer');
  const cases = kernelCases.filter((one) => lineOf(one).includes(filter));
  if (cases.length === 0) throw new UsageError(`no kernel's name and sizes contain '${filter}'`);
  const { backend } = chooseDevice('bench', options);
  const reference = options.reference === false ? undefined : chooseDevice('bench', { device: 'reference' }).backend;
  const threads = backend.name === 'cpu' ? (options.threads ?? defaultThreads()) : 1;
  const ceiling = ceilingOf(backend, threads, options.device);
  if (!json) io.out(heading(backend.description, ceiling));
  let code = OK;
  for (const big of cases) {
    const one = device === 'reference' || backend.name === 'reference' ? smaller(big, REFERENCE_WORK) : big;
    try {
      const time = options.seconds === undefined ? undefined : { seconds: options.seconds };
      const result = benchKernel(one, { backend, reference, threads, ceiling, time });
      if (json) jsonLine(io, { ...result });
      else io.out(kernelLine(result));
    } catch (error) {
      code = FAILED;
      const { message } = error as Error;
      if (json)
        jsonLine(io, {
          bench: 'kernel',
          kernel: one.kernel,
          shape: shapeText(one),
          device: backend.name,
          error: message,
        });
      else io.err(`error: ${message}\n`);
    }
  }
  return code;
}

/** Times training steps or inference of one network or all, on the device and (with smaller batches) on the reference. */
export async function benchNetworks(mode: 'train' | 'infer', options: BenchArguments, io: Io): Promise<number> {
  if (options.filter !== undefined) throw new UsageError('--filter is for bench kernels');
  const { profile } = options;
  if (profile !== undefined && options.model === undefined) throw new UsageError('--profile needs --model NAME');
  const { backend } = chooseDevice('bench', options);
  const threads = backend.name === 'cpu' ? (options.threads ?? defaultThreads()) : 1;
  const ceiling = ceilingOf(backend, threads, options.device);
  if (!options.json) io.out(heading(backend.description, ceiling));
  const tell = (result: TrainingResult) => (options.json ? jsonLine(io, { ...result }) : io.out(trainingLine(result)));
  for (const model of options.model === undefined ? networkNames : [options.model]) {
    const batch = options.batch ?? (model === 'vgg11' || model === 'resnet18' ? 64 : 128);
    const { seconds, precision } = options;
    const here = backend.name === 'reference' ? 'reference' : options.device;
    const size =
      here === 'reference' && options.batch === undefined ? Math.min(batch, referenceBatch(model, mode)) : batch;
    const result = await benchTraining({
      mode,
      model,
      batch: size,
      device: here,
      threads,
      precision,
      ceiling,
      seconds,
      profile,
    });
    const { table, ...numbers } = result;
    tell(numbers);
    if (table !== undefined) io.err(`${table}\n`);
    if (here === 'reference' || options.reference === false) continue;
    const beside = Math.min(batch, referenceBatch(model, mode));
    const slow = await benchTraining({
      mode,
      model,
      batch: beside,
      device: 'reference',
      threads: 1,
      ceiling: undefined,
      seconds,
    });
    tell(slow);
    if (!options.json) io.out(`  ${times(result.imagesPerSecond / slow.imagesPerSecond)} the reference\n`);
  }
  return OK;
}

function heading(description: string, ceiling: Ceiling | undefined): string {
  if (ceiling === undefined) return `${description}\n`;
  return `${description}; ceilings: ${ceiling.gflops.toFixed(1)} GFLOP/s on registers, ${ceiling.gbPerSecond.toFixed(1)} GB/s copying\n`;
}

function kernelLine(r: KernelResult): string {
  const rate = r.bound === 'compute' ? `${r.gflops.toFixed(1)} GFLOP/s` : `${r.gbPerSecond.toFixed(1)} GB/s`;
  const share = r.shareOfPeak === null ? '' : `${(100 * r.shareOfPeak).toFixed(0)} % of ${r.bound}`;
  const columns = [
    r.kernel.padEnd(31),
    milliseconds(r).padEnd(40),
    rate.padStart(15),
    share.padStart(16),
    (r.timesReference === undefined ? '' : times(r.timesReference)).padStart(8),
  ];
  return `${columns.join(' ')}  ${r.reason}: ${r.shape}\n`;
}

function trainingLine(r: TrainingResult): string {
  const share = r.shareOfPeak === null ? '' : ` (${(100 * r.shareOfPeak).toFixed(0)} % of the ceiling)`;
  const threads = r.threads === 1 ? '1 thread' : `${r.threads} threads`;
  const places = { maximumFractionDigits: r.imagesPerSecond < 100 ? 1 : 0 };
  const images = `${r.imagesPerSecond.toLocaleString('en-US', places)} images/s`;
  return `${r.bench} ${r.model} batch ${r.batch} ${r.device} ${threads}: ${milliseconds(r)} ${images} ${r.gflops.toFixed(1)} GFLOP/s${share}\n`;
}

const milliseconds = ({ medianMs, minMs, maxMs }: { medianMs: number; minMs: number; maxMs: number }) =>
  `${threeDigits(medianMs)} ms (${threeDigits(minMs)} - ${threeDigits(maxMs)})`;
/** Three digits that count. */
const threeDigits = (value: number) => (value >= 100 ? value.toFixed(0) : value.toPrecision(3));
const times = (factor: number) => `${factor >= 10 ? factor.toFixed(0) : factor.toFixed(1)}x`;
