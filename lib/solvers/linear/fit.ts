/** Linear classification (lecture notes 1.1): data and options are checked, each problem goes to its solver, the weights make a model. */
import { checkSparseRows } from '../../data/sparse.js';
import { BinaryObjective } from './binary.js';
import { Design } from './design.js';
import { type LinearData, readLinearData } from './examples.js';
import { solveHinge } from './hinge.js';
import { solveL1 } from './l1.js';
import { smoothLosses } from './losses.js';
import { choice, decideRows, LinearModel } from './model.js';
import { newton, type Solution } from './newton.js';
import { type LinearOptions, type LinearSettings, readLinearOptions } from './options.js';
import { SoftmaxObjective } from './softmax.js';
import { drive, inBlocks, type Work } from './work.js';

/**
 * Fits a linear classifier: minimises w'w/2 + C sum_i loss(y_i w'x_i) over w, or |w|_1 in place of w'w/2, in float64 on this thread, with a
 * turn for the event loop every few milliseconds. Hinge by dual coordinate descent, the smooth losses by Newton's method with conjugate
 * gradients, the L1-regularised ones by coordinate descent on quadratic models. All end with a bound of how far the objective is from its
 * least value: `gap`.
 *
 * @param data { x, y }: sparse rows [rows, features], as readLibsvm gives them, or dense rows in a form that fit takes (Uint8Array: pixels,
 *   value / 255); one whole number a row as its label, at least two different ones.
 * @param options see LinearOptions: loss, C, bias, regularizer, tolerance, multiClass, maxIterations, seed, signal, onProgress.
 * @returns the weights [outputs, features], biases, objective, gap, iterations and accuracy, and functions decision, predict, evaluate.
 * @throws (rejects) TypeError, RangeError on options (C <= 0) and data: other than two classes where two are asked for, labels that are not
 *   whole, columns that do not rise, NaN; with the file and line where the data came from readLibsvm. The signal's reason.
 * @example
 *   const { x, y } = await readLibsvm('heart_scale');
 *   const model = await fitLinear({ x, y }, { loss: 'squaredHinge', C: 1, bias: 1, tolerance: 1e-6 });
 *   console.log(model.objective, model.accuracy, model.predict(x));
 */
export async function fitLinear(data: LinearData, options?: LinearOptions): Promise<LinearModel> {
  const settings = readLinearOptions(options);
  return drive(fitting(data, settings), settings.signal, settings.onProgress);
}

function* fitting(data: LinearData, settings: LinearSettings): Work<LinearModel> {
  const { x, labels, classes } = yield* readLinearData(data, settings.multiClass === 'none');
  const design = new Design(x, settings.bias);
  let squares = 0;
  yield* inBlocks(design.blocks, (begin, end) => {
    squares += checkSparseRows('fitLinear', x, begin, end);
  });
  if (!Number.isFinite(squares * settings.C))
    throw new RangeError('fitLinear: the squares of the features are beyond float64: scale the features');
  const { wide, ...solution } = yield* solve(design, classes, labels.length, settings);
  const outputs = wide.length / (x.columns + 1);
  const u = new Float64Array(x.rows * outputs);
  let right = 0;
  yield* inBlocks(design.blocks, (begin, end) => {
    decideRows(x, outputs, wide, u, begin, end);
    for (let i = begin; i < end; i++) if (choice(u, i, outputs) === classes[i]) right++;
  });
  const converged = solution.gap <= settings.tolerance * solution.objective;
  return new LinearModel(x.columns, labels, wide, { ...solution, converged, accuracy: right / x.rows });
}

function solve(design: Design, classes: Int32Array, K: number, settings: LinearSettings): Work<WideSolution> {
  return (settings.multiClass === 'softmax' ? solveSoftmax : solveEach)(design, classes, K, settings);
}

/** A solution with its weights [features + 1, outputs]: the last row is what the bias adds, 0 without one. */
interface WideSolution extends Solution {
  readonly wide: Float64Array;
}

function* solveSoftmax(design: Design, classes: Int32Array, K: number, settings: LinearSettings): Work<WideSolution> {
  const objective = new SoftmaxObjective(design, classes, K, settings.C);
  const solution = yield* newton(objective, settings);
  const wide = new Float64Array((design.x.columns + 1) * K);
  wide.set(objective.w);
  for (let c = design.x.columns * K; c < wide.length; c++) wide[c]! *= settings.bias;
  return { ...solution, wide };
}

/** Two classes: one problem. More: one for each class against the rest. */
function* solveEach(design: Design, classes: Int32Array, K: number, settings: LinearSettings): Work<WideSolution> {
  const features = design.x.columns;
  const problems = K === 2 ? 1 : K;
  const wide = new Float64Array((features + 1) * problems);
  let [objective, gap, iterations] = [0, 0, 0];
  for (let problem = 0; problem < problems; problem++) {
    const positive = K === 2 ? 1 : problem;
    const y = signs(classes, positive);
    const w = new Float64Array(design.size);
    const solution = yield* numbered(solveBinary(design, y, w, settings), problem, problems, iterations);
    objective += solution.objective;
    gap += solution.gap;
    iterations += solution.iterations;
    for (let j = 0; j < features; j++) wide[j * problems + problem] = w[j]!;
    if (settings.bias !== 0) wide[features * problems + problem] = settings.bias * w[features]!;
  }
  return { objective, gap, iterations, wide };
}

/** +1 for rows of one class, -1 for the others. */
function signs(classes: Int32Array, positive: number): Float64Array {
  const y = new Float64Array(classes.length);
  for (let i = 0; i < y.length; i++) y[i] = classes[i] === positive ? 1 : -1;
  return y;
}

/** The same work, its progress told as that of one problem of several. */
function* numbered<T>(work: Work<T>, problem: number, problems: number, before: number): Work<T> {
  for (let step = work.next(); ; step = work.next()) {
    if (step.done) return step.value;
    yield step.value && { ...step.value, iterations: before + step.value.iterations, problem, problems };
  }
}

/** Puts the weights of the problem with labels y, +1 and -1, into w. */
function* solveBinary(design: Design, y: Float64Array, w: Float64Array, settings: LinearSettings): Work<Solution> {
  const { loss, C, regularizer } = settings;
  if (loss === 'hinge') return yield* solveHinge(design, y, C, w, settings);
  if (regularizer === 'l1') return yield* solveL1(design, y, smoothLosses[loss], C, w, settings);
  const objective = new BinaryObjective(design, y, smoothLosses[loss], C);
  const solution = yield* newton(objective, settings);
  w.set(objective.w);
  return solution;
}
