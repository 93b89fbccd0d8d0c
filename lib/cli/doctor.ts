/** `steepest doctor`: what this machine and this installation can do, and why not where they cannot. */
import { availableParallelism, cpus } from 'node:os';
import { Command } from 'commander';
import { type CudaInfo, loadBinding, type NativeInfo } from '../binding.js';
import { packageVersion } from '../version.js';
import { type Io, jsonLine, OK } from './io.js';
import { defaultThreads } from './machine.js';
import { examples, jsonOption } from './values.js';

/** What doctor finds. `null` where the addon would have to tell. */
export interface Diagnosis {
  readonly steepest: string;
  readonly node: string;
  /** Operating system and architecture: 'linux x64'. */
  readonly platform: string;
  readonly cpu: string;
  readonly features: readonly string[] | null;
  /** The instruction set that kernels run with, and all there are to choose from (STEEPEST_ISA). */
  readonly isa: string | null;
  readonly isas: readonly string[] | null;
  readonly physicalCores: number | null;
  readonly logicalCores: number;
  /** Threads of the cpu device unless told otherwise. */
  readonly threads: number;
  /** The compiler that built the addon. */
  readonly compiler: string | null;
  /** Path of the addon, or null and why it did not load. */
  readonly addon: string | null;
  readonly addonError: string | null;
  readonly cuda: CudaInfo;
}

export function doctorCommand(io: Io, finish: (code: number) => void): Command {
  return new Command('doctor')
    .description('tell what this machine and installation can do')
    .addOption(jsonOption())
    .addHelpText('after', examples('doctor', 'doctor --json'))
    .action(({ json }: { json?: boolean }) => {
      const found = diagnose();
      if (json) jsonLine(io, { ...found });
      else io.out(describe(found));
      finish(OK);
    });
}

export function diagnose(): Diagnosis {
  const loaded = loadBinding();
  const { binding } = loaded;
  const info: NativeInfo | undefined = binding?.info();
  const noAddon: CudaInfo = {
    built: false,
    driver: '',
    runtime: '',
    devices: [],
    reason: 'the native addon did not load',
  };
  return {
    steepest: packageVersion(),
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    cpu: info?.cpu ?? cpus()[0]?.model ?? 'unknown',
    features: info?.features ?? null,
    isa: info?.isa ?? null,
    isas: info?.isas ?? null,
    physicalCores: info?.physicalCores ?? null,
    logicalCores: info?.logicalCores ?? availableParallelism(),
    threads: defaultThreads(),
    compiler: info?.compiler ?? null,
    addon: loaded.binding === undefined ? null : loaded.path,
    addonError: loaded.error ?? null,
    cuda: binding?.cuda() ?? noAddon,
  };
}

function describe(d: Diagnosis): string {
  const native: [string, string][] =
    d.addon === null
      ? [['addon', `none: ${d.addonError}`]]
      : [
          ['addon', d.addon],
          ['compiler', d.compiler!],
          ['features', d.features!.join(' ')],
          ['kernels', `${d.isa} (STEEPEST_ISA chooses among ${d.isas!.join(', ')})`],
        ];
  const rows: [string, string][] = [
    ['steepest', d.steepest],
    ['node', `${d.node}, ${d.platform}`],
    ['cpu', d.cpu],
    [
      'cores',
      `${d.physicalCores ?? '?'} physical, ${d.logicalCores} logical; ${d.threads} threads unless told otherwise`,
    ],
    ...native,
    [
      'devices',
      [...(d.addon === null ? [] : ['cpu']), ...d.cuda.devices.map((_, i) => `cuda:${i}`), 'reference'].join(', '),
    ],
    ['cuda', describeCuda(d.cuda)],
  ];
  return rows.map(([name, value]) => `${name.padEnd(10)}${value}\n`).join('');
}

function describeCuda({ built, driver, runtime, devices, reason }: CudaInfo): string {
  if (!built) return `no: ${reason}`;
  const versions = `built for ${runtime || '?'}, driver ${driver || 'none'}`;
  if (devices.length === 0) return `no device: ${reason} (${versions})`;
  const each = devices.map(
    ({ name, capability, memory, multiprocessors }) =>
      `${name} (${capability}, ${multiprocessors} multiprocessors, ${(memory / 2 ** 30).toFixed(1)} GiB)`,
  );
  return `${each.join(', ')}; ${versions}`;
}
