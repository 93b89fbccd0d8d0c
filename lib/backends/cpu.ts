/** The cpu backend: kernels in C++, on the threads of the engine, by the instruction set of the machine. */
import { totalmem } from 'node:os';
import { type Binding, loadBinding, type NativeInfo } from '../binding.js';
import { checkInteger, checkOptions, SteepestError } from '../errors.js';
import { packageVersion } from '../version.js';
import type { Backend, ConvolutionShape } from './backend.js';
import { ConvolutionTimer } from './convolution-timer.js';
import { NativeBackend } from './native.js';
import { strictTiles, tilesFor, usualTile } from './tiles.js';
import { type Choice, keptTile, tune } from './tuner.js';
import { TuningCache } from './tuning-cache.js';

const isaNames = { portable: 'portable', avx2: 'AVX2', avx512: 'AVX-512' };

export interface CpuOptions {
  /** Threads that kernels run on, 1 to 1024. Default: the physical cores this process may use. Results do not depend on it. */
  readonly threads?: number | undefined;
  /** Only algorithms that round about as the direct sum does. Default false. */
  readonly strict?: boolean | undefined;
}

/**
 * The cpu backend.
 * @throws ERR_NO_DEVICE where the addon is not built or does not load; TypeError or RangeError on wrong options
 */
export function createCpuBackend(options: CpuOptions = {}): Backend {
  checkOptions('cpu backend', options, ['threads', 'strict']);
  if (options.threads !== undefined) checkInteger('cpu backend', 'threads', options.threads, 1, 1024);
  const { binding, error } = loadBinding();
  if (binding === undefined) throw new SteepestError('ERR_NO_DEVICE', `device 'cpu': ${error}`);
  return new CpuBackend(binding, options);
}

class CpuBackend extends NativeBackend {
  readonly name = 'cpu';
  readonly #strict: boolean;

  constructor(binding: Binding, { threads, strict = false }: CpuOptions) {
    super({ binding, device: -1, threads: threads ?? binding.info().physicalCores, arithmetic: 0 });
    this.#strict = strict;
  }

  get description(): string {
    const threads = this.target.threads === 1 ? '1 thread' : `${this.target.threads} threads`;
    return `cpu (${isaNames[this.target.binding.info().isa]}, ${threads}${this.#strict ? ', strict' : ''})`;
  }

  chooseTile(shape: ConvolutionShape, strict = false): number {
    const choice = this.#choice(shape, strict);
    return (tuning() ? keptTile(choice, tuningCache(this.target.binding.info())) : undefined) ?? choice.usual;
  }

  async tune(shapes: readonly ConvolutionShape[], signal?: AbortSignal, strict = false): Promise<boolean> {
    if (!tuning()) return false;
    return tune(
      shapes.map((shape) => this.#choice(shape, strict)),
      { cache: tuningCache(this.target.binding.info()), open: (timed) => ConvolutionTimer.open(this, timed), signal },
    );
  }

  #choice(shape: ConvolutionShape, strict: boolean): Choice {
    const tiles = this.#strict || strict ? strictTiles(tilesFor(shape)) : tilesFor(shape);
    return { shape, tiles, usual: usualTile(shape, tiles) };
  }

  /** Where the machine (or the container) has not that much memory: the system would grant it, and kill us later. */
  protected override checkRoom(where: string, bytes: number): void {
    const limit = Math.min(totalmem(), process.constrainedMemory?.() || Number.POSITIVE_INFINITY);
    if (this.target.binding.memory().bytes + bytes <= limit) return;
    const gib = (n: number) => `${(n / 2 ** 30).toFixed(1)} GiB`;
    throw new SteepestError('ERR_DEVICE_OOM', `${where}: ${gib(bytes)} do not fit the ${gib(limit)} of this machine`);
  }
}

const tuning = () => process.env.STEEPEST_TUNE !== '0';
const tuningCaches = new Map<string, TuningCache>();

/** What all backends with one instruction set share. */
function tuningCache({ isa, cpu }: NativeInfo): TuningCache {
  const cache = tuningCaches.get(isa) ?? new TuningCache({ steepest: packageVersion(), isa, cpu });
  tuningCaches.set(isa, cache);
  return cache;
}
