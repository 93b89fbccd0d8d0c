/**
 * A model: layers, with their parameters on a device. Made by `sequential` or `model`, trained by `fit`, asked by `evaluate` and `predict`.
 */
import type { DeviceName, Plan } from '../backends/backend.js';
import type { Data, Dataset, DataValues } from '../data/dataset.js';
import { checkInteger, checkNumber, checkOptions, wrongType } from '../errors.js';
import { isLayerOutput, type LayerGraph, sequence, upTo } from '../layers/graph.js';
import type { AnyLayer, LayerOutput } from '../layers/layer.js';
import type { Loss } from '../losses/loss.js';
import { lossFrom } from '../losses/registry.js';
import type { Optimizer, OptimizerName } from '../optimizers/optimizer.js';
import { optimizerFrom } from '../optimizers/registry.js';
import { describePlan } from '../plan/describe.js';
import { chooseDevice, type DeviceOptions } from './device.js';
import { type Evaluation, evaluate } from './evaluate.js';
import { startFit } from './fit.js';
import { startMinimize } from './minimize.js';
import type { IterationRecord, MinimizeOptions, Minimum } from './minimize-options.js';
import { Network } from './network.js';
import { predictionRequest, trainingRequest } from './objective.js';
import type { EvaluateOptions, FitOptions, FitRecord, History } from './options.js';
import { classesOf, type PredictOptions, predict } from './predict.js';
import type { Run } from './run.js';
import { summary } from './summary.js';
import { readWeights, type Weights, writeWeights } from './weights.js';

interface CommonOptions extends DeviceOptions {
  /** Seed of the parameters' start, of dropout and of the order of rows: a whole number in 0 .. 2^53 - 1. Default 0. */
  readonly seed?: number;
  /** For people. Default 'sequential' or 'model', what it was made by. */
  readonly name?: string;
}

export interface SequentialOptions extends CommonOptions {
  /** Shape of one input, without the batch: [28, 28, 1], or [784]. */
  readonly inputShape: readonly number[];
}

export interface ModelOptions extends CommonOptions {
  /** What `input` made. */
  readonly inputs: LayerOutput;
  /** What the network gives: made from `inputs` by `connect`. */
  readonly outputs: LayerOutput;
}

const commonOptions = ['seed', 'name', 'device', 'threads', 'precision'] as const;

export interface PlanOptions {
  /** Rows of a step. Default 32. */
  readonly batchSize?: number;
  /** The training step (default), or the prediction of outputs. */
  readonly training?: boolean;
  /** Of the training step: loss, optimizer and regulariser, as for fit. */
  readonly loss?: FitOptions['loss'];
  readonly optimizer?: FitOptions['optimizer'];
  readonly C?: number;
  /** Whether the inputs are pixels (Uint8Array). Default false. */
  readonly pixels?: boolean;
}

/** A compiled plan; printed, it shows its kernels with shapes, bytes and floating-point operations. */
export interface PlanDescription {
  readonly plan: Plan;
  toString(): string;
}

/**
 * A model of layers in a row.
 *
 * `device`: 'auto' (default) takes 'cpu' where the native addon loads, else 'reference', and says so in `model.device`; 'cpu', 'reference'
 * and 'cuda' ('cuda:1' for the second GPU) mean just that and throw ERR_NO_DEVICE where it is not there. `threads`: default, one for each
 * physical core. `precision`: 'fp32' (default); 'strict', which leaves out algorithms that lose a digit; 'tf32' or 'bf16' on CUDA, for faster
 * products; or 'float64' on the reference. Like `threads` it belongs to the device, not to the layers.
 *
 * @throws TypeError, RangeError on options; ERR_SHAPE, with the layer's name and both shapes, where layers do not fit each other.
 * @example
 * const model = sequential({ inputShape: [28, 28, 1], seed: 1 }, [
 *   conv2d({ filters: 8, kernelSize: 5, activation: 'relu' }), maxPool2d({ poolSize: 2 }), flatten(), dense({ units: 10 }),
 * ]);
 */
export function sequential(options: SequentialOptions, layers: readonly AnyLayer[]): Model {
  checkOptions('sequential', options ?? null, ['inputShape', ...commonOptions]);
  checkInputShape(options.inputShape);
  return new Model('sequential', options, sequence(options.inputShape, layers));
}

/**
 * A model of layers connected in any way that has no loops: one input, one output. The other options are those of `sequential`.
 * @throws TypeError, RangeError on options; ERR_SHAPE, with the layer's name and both shapes, where layers do not fit each other.
 * @example
 * const x = input([32, 32, 3]);
 * const y = connect(x, conv2d({ filters: 3, kernelSize: 3, padding: 'same' }), relu());
 * const net = model({ inputs: x, outputs: connect([x, y], add(), globalAveragePool2d(), dense({ units: 10 })), seed: 1 });
 */
export function model(options: ModelOptions): Model {
  checkOptions('model', options ?? null, ['inputs', 'outputs', ...commonOptions]);
  const { inputs, outputs } = options;
  if (!isLayerOutput(inputs) || inputs.layer !== undefined)
    throw wrongType('model', 'inputs', 'what input() made', inputs);
  if (!isLayerOutput(outputs) || outputs.layer === undefined)
    throw wrongType('model', 'outputs', 'what connect() made', outputs);
  return new Model('model', options, { inputs, outputs });
}

export class Model {
  readonly name: string;
  readonly seed: number;
  readonly inputShape: readonly number[];
  readonly outputShape: readonly number[];
  /** The layers with their connections, from the input to the output. */
  readonly graph: LayerGraph;
  /** As they were connected, each after those it reads; blocks in one piece. */
  readonly layers: readonly AnyLayer[];
  /** What the model runs on, in words too, and why. */
  readonly device: { readonly name: DeviceName; readonly description: string; readonly reason: string };
  readonly #network: Network;
  readonly #optimizers = new Map<OptimizerName, Optimizer>();
  #loss: Loss | undefined;

  constructor(where: 'sequential' | 'model', options: CommonOptions, graph: LayerGraph) {
    const { name = where } = options;
    if (typeof name !== 'string') throw wrongType(where, 'name', 'a string', name);
    const seed = checkInteger(where, 'seed', options.seed ?? 0);
    const { backend, reason } = chooseDevice(where, options);
    this.#network = new Network(name, backend, seed, graph);
    this.name = name;
    this.seed = seed;
    this.inputShape = this.#network.inputShape;
    this.outputShape = this.#network.outputShape;
    this.graph = graph;
    this.layers = upTo(graph.outputs).flatMap(({ layer }) => layer ?? []);
    this.device = { name: backend.name, description: backend.description, reason };
  }

  /** Number of trainable values. */
  get parameterCount(): number {
    return this.#network.parameterCount;
  }

  /**
   * Trains on data, beginning with the weights as they are. Returns at once: the run can be awaited (its history), iterated (a record an
   * epoch, or a batch) and stopped. Everything is checked before anything changes; what is wrong rejects the run.
   *
   * Data: `{ x, y }` in memory; or batches `{ x, y }` as an iterable (async or not) or a function that returns one for each epoch.
   * x: [rows, ...inputShape]; a Uint8Array holds pixels, and the network sees value / 255. y: labels, or rows of targets for losses
   * that take them. With one output, labels are 0 and 1 (hinge and logistic also take -1 and +1).
   *
   * The same model, data, options and device give bit-equal losses, whatever the number of threads; on another machine, or without its file of
   * tuned choices complete, they may round differently (STEEPEST_TUNE=0 chooses by sizes alone). One fit of a model at a time.
   *
   * @throws (rejects) TypeError, RangeError on options and data; ERR_SHAPE where the sizes of data do not fit; the signal's reason;
   * ERR_DISPOSED; ERR_FILE where the profile cannot be written; whatever a callback or a stream throws.
   * @example
   * const run = model.fit({ x, y }, { epochs: 3, batchSize: 128, validationData: test });
   * for await (const { epoch, trainLoss, testAccuracy } of run) console.log(epoch, trainLoss, testAccuracy);
   */
  fit(data: Data, options?: FitOptions): Run<FitRecord, History> {
    const named = (name: OptimizerName): Optimizer => {
      const optimizer = this.#optimizers.get(name) ?? optimizerFrom(name);
      this.#optimizers.set(name, optimizer);
      return optimizer;
    };
    return startFit(this.#network, data, options, named, ({ loss }) => {
      this.#loss = loss;
    });
  }

  /**
   * Trains with a whole-data method: f(theta) = theta'theta / (2C) + mean loss of all rows goes down in every iteration, and repeats bit for
   * bit. `method`: 'newton-cg' (default), 'lbfgs' or 'gradient-descent', each with its own options beside those that all have. Returns at once, as
   * fit does: the run can be awaited (the minimum), iterated (a record for the start and each iteration) and stopped.
   *
   * Data: `{ x, y }` in memory, as for fit. The network is that of evaluate and predict: dropout does nothing, batch normalization keeps
   * its running statistics as they are. Network, loss and method need derivatives: stochasticPool2d has none here.
   *
   * @throws (rejects) TypeError, RangeError on options and data; ERR_SHAPE where sizes do not fit; ERR_NOT_DIFFERENTIABLE; RangeError
   * where the objective is not finite at the start; the signal's reason; ERR_DISPOSED; whatever a callback throws.
   * @example
   * const run = model.minimize({ x, y }, { method: 'lbfgs', loss: 'squaredError', iterations: 50 });
   * for await (const { iteration, objective, gradientNorm } of run) console.log(iteration, objective, gradientNorm);
   * const { reason } = await run; // 'tolerance', 'iterations', 'line-search' or 'stopped'
   */
  minimize(data: Dataset, options?: MinimizeOptions): Run<IterationRecord, Minimum> {
    return startMinimize(this.#network, data, options, ({ loss }) => {
      this.#loss = loss;
    });
  }

  /**
   * Mean loss and accuracy on data (in memory or a stream), without learning. During a fit it waits for the steps in flight and sees the
   * weights as they stand then.
   * @throws (rejects) as fit does.
   */
  evaluate(data: Data, options?: EvaluateOptions): Promise<Evaluation> {
    return evaluate(this.#network, data, options, this.#loss);
  }

  /**
   * The network's outputs, activations included: [rows, ...outputShape], row after row, in the order of x. Float64Array where the model's
   * precision is float64.
   * @throws (rejects) TypeError, RangeError on x and options; ERR_SHAPE where its size does not fit; ERR_DISPOSED.
   */
  predict(x: DataValues, options?: PredictOptions): Promise<Float32Array | Float64Array> {
    return predict(this.#network, x, options);
  }

  /** The class of each row: the place of its largest output; with one output, 1 from the loss's threshold on, else 0. */
  async predictClasses(x: DataValues, options?: PredictOptions): Promise<Int32Array> {
    const outputs = await predict(this.#network, x, options);
    const threshold = (this.#loss ?? lossFrom('logistic')).threshold(this.#network.output(false));
    return classesOf(outputs, this.#network.outputs, threshold);
  }

  /** A table of the layers, their output shapes and parameters. */
  summary(): string {
    this.#network.check();
    return summary(this.#network);
  }

  /**
   * The plan of a step, compiled for the purpose: print it to see kernels, shapes, bytes and floating-point operations.
   * @throws TypeError, RangeError on options; ERR_SHAPE where the loss does not fit the network.
   */
  plan(options?: PlanOptions): PlanDescription {
    this.#network.check();
    checkOptions('plan', options, ['batchSize', 'training', 'loss', 'optimizer', 'C', 'pixels']);
    const o = options ?? {};
    const batch = checkInteger('plan', 'batchSize', o.batchSize ?? 32, 1, 2 ** 24);
    const x = o.pixels ? 'u8' : 'real';
    const loss = lossFrom(o.loss ?? 'softmaxCrossEntropy');
    const kinds = { x, labels: true, values: false } as const;
    const optimizer = optimizerFrom(o.optimizer ?? 'adam');
    const C = checkNumber('plan', 'C', o.C ?? Number.POSITIVE_INFINITY, { min: 0, openMin: true });
    const { plan } = this.#network.compile(
      o.training === false
        ? predictionRequest(this.#network, x, batch)
        : trainingRequest(this.#network, { loss, accuracy: true, kinds, batch, optimizer, C }),
    );
    return { plan, toString: () => describePlan(plan) };
  }

  /** A copy of the parameters, in the order of the layers. Throws an Error while steps are in flight. */
  weights(): Weights[] {
    this.#idle('weights');
    return readWeights(this.#network);
  }

  /**
   * Sets parameters by name; those not named stay. All are checked before any is set.
   * @throws TypeError on an unknown name or wrong type; ERR_SHAPE on a wrong number of values; an Error while steps are in flight.
   */
  setWeights(weights: readonly Pick<Weights, 'name' | 'values'>[]): void {
    this.#idle('setWeights');
    writeWeights(this.#network, weights);
  }

  #idle(method: string): void {
    this.#network.check();
    if (this.#network.busy)
      throw new Error(`${method}: steps are in flight; do it in onEpochEnd, or after the run has ended`);
  }

  get disposed(): boolean {
    return this.#network.disposed;
  }

  /**
   * Frees the model's memory, at once or after the step in flight; a fit under way then rejects with ERR_DISPOSED. Later use of the model
   * throws ERR_DISPOSED. Calling it again does nothing. Without it the memory goes when the model is garbage.
   */
  dispose(): void {
    this.#network.dispose();
  }

  /** For `using model = sequential(...)`. */
  [Symbol.dispose](): void {
    this.dispose();
  }
}

function checkInputShape(shape: unknown): asserts shape is readonly number[] {
  if (!Array.isArray(shape)) throw wrongType('sequential', 'inputShape', 'an array of sizes', shape);
  if (shape.length === 0 || !shape.every((d) => Number.isInteger(d) && d >= 1))
    throw new RangeError(
      `sequential: expected sizes >= 1 without the batch for inputShape but received [${shape.join(', ')}]`,
    );
}
