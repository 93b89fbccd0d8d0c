/**
 * Whole-data training: a solver's iterations on a network, as a run. Between two of them the weights are those of the last record; validation,
 * callbacks and checkpoints come there. What is to end the run ends the pass under way.
 */
import { isStream, readExamples } from '../data/dataset.js';
import { checkClassWeights, withClassWeights } from '../data/weights.js';
import { wrongType } from '../errors.js';
import { gradientDescent } from '../solvers/gradient-descent.js';
import { lbfgs } from '../solvers/lbfgs.js';
import { newtonCg } from '../solvers/newton-cg.js';
import type { Iterate, Origin, Solver } from '../solvers/problem.js';
import { IterationKeeper } from './checkpoint/iterations.js';
import { checkpointToResume } from './checkpoint/options.js';
import { minimizeSetting } from './checkpoint/setting.js';
import { dataShape, evaluateRegistered } from './evaluate.js';
import { type KeptControl, KeptRun } from './kept-run.js';
import {
  type IterationRecord,
  type MinimizeFigures,
  type MinimizeOptions,
  type MinimizeRun,
  type MinimizeSettings,
  type Minimum,
  readMinimizeOptions,
  readSample,
} from './minimize-options.js';
import type { Model } from './model.js';
import type { Network } from './network.js';
import { shuffledRows } from './order.js';
import type { Registered } from './registered.js';
import { type Scope, scoped } from './scope.js';
import { Halted, WholeObjective } from './whole.js';

const W = 'minimize';
/** Progress is told at most every so many milliseconds. */
const PROGRESS_MILLISECONDS = 100;
/** Stream of the random numbers that samples are drawn with ("samp"). */
const SAMPLE_STREAM = 0x73616d70;
const NOTHING_YET: MinimizeFigures = { iteration: 0, iterations: 0, passes: 0, record: undefined };

/** Begins it: see Model.minimize. `onSettings` hears of settings that fit the model. */
export function startMinimize(
  network: Network,
  data: unknown,
  options: MinimizeOptions | undefined,
  onSettings: (settings: MinimizeSettings) => void,
  model?: Model,
): MinimizeRun {
  return new KeptRun(NOTHING_YET, (control) =>
    scoped(
      W,
      network,
      control,
      () => readMinimizeOptions(options, network.seed),
      async (scope, settings) => {
        const minimizer = new Minimizer(network, settings, scope, control, model);
        const prepared = await minimizer.prepare(data);
        onSettings(settings);
        return minimizer.run(prepared);
      },
    ),
  );
}

function checkStart({ objective, gradientNorm }: Iterate): void {
  if (!Number.isFinite(objective + gradientNorm))
    throw new RangeError(
      `minimize: expected a finite objective and gradient at the start but received ${objective} and norm ${gradientNorm}; are data and weights finite?`,
    );
}

interface Prepared {
  readonly source: Registered;
  readonly validation: Registered | undefined;
  readonly keeper: IterationKeeper;
}

class Minimizer {
  readonly #network: Network;
  readonly #settings: MinimizeSettings;
  readonly #scope: Scope;
  readonly #control: KeptControl<IterationRecord, MinimizeFigures>;
  readonly #model: Model | undefined;
  readonly #records: IterationRecord[] = [];
  #passes = 0;
  #toldAt = 0;

  constructor(
    network: Network,
    settings: MinimizeSettings,
    scope: Scope,
    control: KeptControl<IterationRecord, MinimizeFigures>,
    model: Model | undefined,
  ) {
    this.#network = network;
    this.#settings = settings;
    this.#scope = scope;
    this.#control = control;
    this.#model = model;
    this.#tell();
  }

  /** Checks all data, then brings it to the engine; what is resumed is found to fit. */
  async prepare(data: unknown): Promise<Prepared> {
    const { loss, validationData, classWeights } = this.#settings;
    const { outputs } = this.#network;
    checkClassWeights(W, classWeights, outputs);
    const shape = dataShape(this.#network, loss);
    if (isStream(W, data)) throw wrongType(W, 'data', 'a data set { x, y } in memory', data);
    const examples = withClassWeights(W, readExamples(W, data as never, shape), classWeights, outputs);
    const held = validationData === undefined ? undefined : readExamples(`${W}: validationData`, validationData, shape);
    const source = await this.#scope.register(examples);
    const validation = held && (await this.#scope.register(held));
    const setting = minimizeSetting(this.#model, this.#network, this.#settings, source);
    const kept = { network: this.#network, settings: this.#settings, setting, records: this.#records };
    const keeper = new IterationKeeper(kept, (take) => this.#control.onCheckpoint(take));
    await keeper.prepare(await checkpointToResume(W, this.#settings));
    return { source, validation, keeper };
  }

  async run(prepared: Prepared): Promise<Minimum> {
    const { source, keeper } = prepared;
    const { loss, batchSize, accuracy, C = 0.01 * source.rows } = this.#settings;
    const settings = { loss, C, batchSize, accuracy, sample: this.#sampler(source.rows), onPass: () => this.#onPass() };
    const scope = this.#scope;
    const whole = scope.own(new WholeObjective(this.#network, source, settings, scope));
    const { checkpoints } = keeper;
    const { origin, records } = (await keeper.restore()) ?? {
      origin: { iteration: 0, theta: whole.start() },
      records: [],
    };
    this.#records.push(...records);
    keeper.reached(origin);
    const solver = this.#solver(whole, origin);
    let last: Iterate | undefined;
    const solve = async (): Promise<Minimum['reason']> => {
      try {
        while (!scope.ending) {
          const [began, rested] = [performance.now(), scope.rested];
          const next = await solver.next();
          if (next.done) return next.value;
          const seconds = (performance.now() - began - (scope.rested - rested)) / 1000;
          if (last === undefined) checkStart(next.value);
          last = next.value;
          await whole.keep(last.theta);
          if (this.#records.length <= last.iteration) await this.#record(last, seconds, prepared);
          else this.#passes = 0; // where the run goes on: its record is there
          await checkpoints.between();
        }
      } catch (error) {
        if (!(error instanceof Halted)) throw error;
      } finally {
        if (last !== undefined && !this.#network.disposed) await whole.keep(last.theta);
      }
      return 'stopped';
    };
    try {
      const reason = await checkpoints.during(solve);
      scope.check();
      await checkpoints.end(checkpoints.unkept);
      const { objective, gradientNorm } = last ?? { objective: Number.NaN, gradientNorm: Number.NaN };
      return { iterations: this.#records, objective, gradientNorm, reason, stopped: reason === 'stopped' };
    } finally {
      await checkpoints.close();
    }
  }

  #solver(problem: WholeObjective, origin: Origin): Solver {
    const { method } = this.#settings;
    if (method.method === 'gradient-descent') return gradientDescent(problem, origin, method);
    return method.method === 'lbfgs' ? lbfgs(problem, origin, method) : newtonCg(problem, origin, method);
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
  async #record(iterate: Iterate, seconds: number, { validation, keeper }: Prepared): Promise<void> {
    const { loss, batchSize, accuracy, onIteration } = this.#settings;
    const { signal, ending } = this.#scope;
    const how = { loss, accuracy, batchSize, strict: true };
    const test =
      validation === undefined || ending
        ? undefined
        : await evaluateRegistered(this.#network, validation, how, { signal });
    const tested = test && {
      testLoss: test.loss,
      ...(test.accuracy !== undefined && { testAccuracy: test.accuracy }),
    };
    const { theta: _, memory: __, ...figures } = iterate;
    const record: IterationRecord = { kind: 'iteration', ...figures, ...tested, passes: this.#passes, seconds };
    this.#records.push(record);
    this.#passes = 0;
    this.#tell();
    // An iteration whose validation was ended is done again by whoever resumes.
    if (test !== undefined || validation === undefined) keeper.reached(iterate);
    this.#control.push(record);
    await onIteration?.(record);
  }

  #onPass(): void {
    this.#passes++;
    this.#tell();
    const { onProgress } = this.#settings;
    const now = performance.now();
    if (onProgress === undefined || now - this.#toldAt < PROGRESS_MILLISECONDS) return;
    this.#toldAt = now;
    const { record, ...progress } = this.#figures();
    onProgress({ ...progress, objective: record?.objective });
  }

  #figures(): MinimizeFigures {
    const { iterations } = this.#settings.method;
    const iteration = Math.min(this.#records.length, iterations);
    return { iteration, iterations, passes: this.#passes, record: this.#records.at(-1) };
  }

  #tell(): void {
    this.#control.tell(this.#figures());
  }
}
