/**
 * Whole-data training: a solver's iterations on a network, as a run. Between two of them the weights are those of the last record; validation and
 * callbacks come there. What is to end the run ends the pass under way.
 */
import { isStream, readExamples } from '../data/dataset.js';
import { wrongType } from '../errors.js';
import { gradientDescent } from '../solvers/gradient-descent.js';
import { lbfgs } from '../solvers/lbfgs.js';
import { newtonCg } from '../solvers/newton-cg.js';
import type { Iterate, Solver } from '../solvers/problem.js';
import { dataShape, evaluateRegistered } from './evaluate.js';
import {
  type IterationRecord,
  type MinimizeOptions,
  type MinimizeSettings,
  type Minimum,
  readMinimizeOptions,
  readSample,
} from './minimize-options.js';
import type { Network } from './network.js';
import { kindsOf } from './objective.js';
import { shuffledRows } from './order.js';
import { register } from './registered.js';
import { Run, type RunControl } from './run.js';
import type { MemorySource } from './trainer.js';
import { Halted, WholeObjective } from './whole.js';

/** Progress is told at most every so many milliseconds. */
const PROGRESS_MILLISECONDS = 100;
/** Stream of the random numbers that samples are drawn with ("samp"). */
const SAMPLE_STREAM = 0x73616d70;

/** Begins it: see Model.minimize. `onSettings` hears of settings that fit the model. */
export function startMinimize(
  network: Network,
  data: unknown,
  options: MinimizeOptions | undefined,
  onSettings: (settings: MinimizeSettings) => void,
): Run<IterationRecord, Minimum> {
  return new Run(async (control) => {
    network.check();
    if (network.fitting)
      throw new Error('minimize: a fit of this model is under way; await it, or stop() it and await it');
    const settings = readMinimizeOptions(options, network.seed);
    settings.signal?.throwIfAborted();
    network.fitting = true;
    const minimizer = new Minimizer(network, settings, control);
    try {
      const [source, validation] = await minimizer.prepare(data);
      onSettings(settings);
      return await minimizer.run(source, validation);
    } finally {
      network.fitting = false;
      minimizer.dispose();
    }
  });
}

function checkStart({ objective, gradientNorm }: Iterate): void {
  if (!Number.isFinite(objective + gradientNorm))
    throw new RangeError(
      `minimize: expected a finite objective and gradient at the start but received ${objective} and norm ${gradientNorm}; are data and weights finite?`,
    );
}

class Minimizer {
  readonly #network: Network;
  readonly #settings: MinimizeSettings;
  readonly #control: RunControl<IterationRecord>;
  readonly #owned: { dispose(): void }[] = [];
  readonly #release: (() => void)[] = [];
  /** Ends what runs. */
  readonly #halt = new AbortController();
  /** The signal came before any stop(). */
  #aborted = false;
  #records: IterationRecord[] = [];
  #passes = 0;
  #toldAt = 0;

  constructor(network: Network, settings: MinimizeSettings, control: RunControl<IterationRecord>) {
    this.#network = network;
    this.#settings = settings;
    this.#control = control;
    const halt = () => this.#halt.abort();
    this.#release.push(control.onStop(halt), network.onDispose(halt));
    const { signal } = settings;
    if (signal === undefined) return;
    const abort = () => {
      if (!control.stopping) this.#aborted = true;
      halt();
    };
    signal.addEventListener('abort', abort, { once: true });
    this.#release.push(() => signal.removeEventListener('abort', abort));
  }

  dispose(): void {
    for (const release of this.#release) release();
    for (const resource of this.#owned) resource.dispose();
  }

  #own<T extends { dispose(): void }>(resource: T): T {
    this.#owned.push(resource);
    return resource;
  }

  /** Checks all data, then brings it to the engine. */
  async prepare(data: unknown): Promise<[MemorySource, MemorySource | undefined]> {
    const network = this.#network;
    const { loss, validationData } = this.#settings;
    const shape = dataShape(network, loss);
    if (isStream('minimize', data)) throw wrongType('minimize', 'data', 'a data set { x, y } in memory', data);
    const examples = readExamples('minimize', data as never, shape);
    const held =
      validationData === undefined ? undefined : readExamples('minimize: validationData', validationData, shape);
    const enter = async (of: typeof examples): Promise<MemorySource> => ({
      rows: of.rows,
      registered: this.#own(await register(network.backend, of)),
      kinds: kindsOf(of),
    });
    return [await enter(examples), held && (await enter(held))];
  }

  async run(source: MemorySource, validation: MemorySource | undefined): Promise<Minimum> {
    const { loss, batchSize, accuracy, C = 0.01 * source.rows } = this.#settings;
    const settings = { loss, C, batchSize, accuracy, sample: this.#sampler(source.rows), onPass: () => this.#onPass() };
    const whole = this.#own(new WholeObjective(this.#network, source, settings, this.#halt.signal));
    const solver = this.#solver(whole);
    let last: Iterate | undefined;
    let ending: Minimum['reason'] = 'stopped';
    try {
      while (!this.#halt.signal.aborted) {
        const began = performance.now();
        const next = await solver.next();
        if (next.done) {
          ending = next.value;
          break;
        }
        if (last === undefined) checkStart(next.value);
        last = next.value;
        await whole.place(last.theta);
        await this.#record(last, (performance.now() - began) / 1000, validation);
      }
    } catch (error) {
      if (!(error instanceof Halted)) throw error;
    } finally {
      if (last !== undefined && !this.#network.disposed) await whole.place(last.theta);
    }
    if (this.#aborted) throw this.#settings.signal!.reason;
    this.#network.check();
    const { objective, gradientNorm } = last ?? { objective: Number.NaN, gradientNorm: Number.NaN };
    return { iterations: this.#records, objective, gradientNorm, reason: ending, stopped: ending === 'stopped' };
  }

  #solver(problem: WholeObjective): Solver {
    const { method } = this.#settings;
    const start = problem.start();
    if (method.method === 'gradient-descent') return gradientDescent(problem, start, method);
    return method.method === 'lbfgs' ? lbfgs(problem, start, method) : newtonCg(problem, start, method);
  }

  /**
   * The rows of each iteration's sample. Without samples from the user: rows in random order, cut into samples; when they are used up, another
   * order. (The rows that are left over wait for the next.)
   */
  #sampler(rows: number): (iteration: number) => Promise<Int32Array> {
    const { sample, sampleSize, seed } = this.#settings;
    if (sample !== undefined) return async (iteration) => readSample(sample(iteration), rows, iteration);
    const size = Math.min(sampleSize ?? Math.max(1, Math.round(0.05 * rows)), rows);
    const samples = Math.floor(rows / size);
    let order: Int32Array = new Int32Array();
    let number = -1;
    return async (iteration) => {
      const wanted = Math.floor((iteration - 1) / samples);
      if (wanted !== number) [order, number] = [await shuffledRows(rows, seed, SAMPLE_STREAM, wanted), wanted];
      const first = ((iteration - 1) % samples) * size;
      return order.subarray(first, first + size);
    };
  }

  /** Adds the record of an iteration, with the validation where that is wanted. */
  async #record(
    { theta: _, ...iterate }: Iterate,
    seconds: number,
    validation: MemorySource | undefined,
  ): Promise<void> {
    const { loss, batchSize, accuracy, onIteration } = this.#settings;
    const { signal } = this.#halt;
    const test =
      validation === undefined || signal.aborted
        ? undefined
        : await evaluateRegistered(
            this.#network,
            validation.registered,
            validation.kinds,
            { loss, accuracy, batchSize, strict: true },
            { signal },
          );
    const tested = test && {
      testLoss: test.loss,
      ...(test.accuracy !== undefined && { testAccuracy: test.accuracy }),
    };
    const record: IterationRecord = { kind: 'iteration', ...iterate, ...tested, seconds };
    this.#records.push(record);
    this.#passes = 0;
    this.#control.push(record);
    await onIteration?.(record);
  }

  #onPass(): void {
    const { onProgress, method } = this.#settings;
    this.#passes++;
    const now = performance.now();
    if (onProgress === undefined || now - this.#toldAt < PROGRESS_MILLISECONDS) return;
    this.#toldAt = now;
    const { objective } = this.#records.at(-1) ?? {};
    const { iterations } = method;
    onProgress({ iteration: this.#records.length, iterations, objective, passes: this.#passes });
  }
}
