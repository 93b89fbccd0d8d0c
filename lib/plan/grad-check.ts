/**
 * Gradients against central differences, in float64 on the reference: the analytic derivative by one coordinate must agree with
 * (f(x + h) - f(x - h)) / 2h. Where relu, a maximum or a hinge bends, there is no derivative to agree with: a coordinate that disagrees
 * is tried with smaller steps, and counts as a kink if the slopes to its two sides stay apart however small the step.
 */
import { checkInteger, checkNumber, checkOptions, wrongType } from '../errors.js';
import { grad } from '../graph/grad.js';
import { inputOp, parameterOp, type Tensor } from '../graph/tensor.js';
import { RandomStream } from '../random.js';
import { Computation, type ComputeOptions, type Feeds } from './compute.js';

export interface GradCheckOptions extends Pick<ComputeOptions, 'batch' | 'step'> {
  /** Step h, times max(1, |x|). Default 1e-5. */
  readonly epsilon?: number;
  /** Coordinates tried of each tensor, drawn from the seed; all, if it has no more. Default 50. */
  readonly samples?: number;
  /** Largest relative error. Default 1e-5. */
  readonly tolerance?: number;
  /** Default 0. */
  readonly seed?: number;
}

export interface GradCheckSample {
  /** Name of the tensor. */
  readonly name: string;
  /** Element, row-major. */
  readonly index: number;
  readonly analytic: number;
  readonly numeric: number;
  readonly relativeError: number;
}

export interface GradCheckResult {
  /** At least one coordinate was compared, and none is off by more than the tolerance. */
  readonly ok: boolean;
  readonly maxRelativeError: number;
  /** The compared coordinate with the largest error. */
  readonly worst: GradCheckSample | undefined;
  /** Coordinates compared, and coordinates left out as kinks. */
  readonly checked: number;
  readonly kinks: number;
}

const OPTIONS = ['epsilon', 'samples', 'tolerance', 'seed', 'batch', 'step'];

/**
 * Compares `grad(loss, wrt)` with central differences at the given values. `loss` is a scalar; `wrt` are inputs or parameters.
 * The relative error is |analytic - numeric| / max(|analytic|, |numeric|), where gradients too small for the differences to resolve
 * count as that small. Throws what grad and compute throw.
 * @example
 * const [x, w] = [ops.input('x', ['N', 2]), ops.parameter('w', [2, 3])];
 * const loss = ops.mean(ops.sigmoid(ops.matmul(x, w)));
 * const { ok, checked } = await gradCheck(loss, [w], [[x, [1, 2, 3, 4]], [w, [0.1, 0.2, 0.3, -0.4, -0.5, 0.6]]]);
 * ok; // true
 * checked; // 6
 */
export async function gradCheck(
  loss: Tensor,
  wrt: readonly Tensor[],
  feeds: Feeds,
  options?: GradCheckOptions,
): Promise<GradCheckResult> {
  checkOptions('gradCheck', options, OPTIONS);
  const { epsilon = 1e-5, samples = 50, tolerance = 1e-5, seed = 0, ...rest } = options ?? {};
  checkNumber('gradCheck', 'epsilon', epsilon, { min: 0, openMin: true });
  checkNumber('gradCheck', 'tolerance', tolerance, { min: 0, openMin: true });
  checkInteger('gradCheck', 'samples', samples, 1);
  const random = new RandomStream(checkInteger('gradCheck', 'seed', seed), 0);
  const given = new Map<Tensor, number | ArrayLike<number>>(feeds);
  const gradients = await gradientsOf(loss, wrt, given, rest);
  const computation = new Computation([loss], given, rest);
  const found: GradCheckSample[] = [];
  let kinks = 0;
  try {
    const middle = (await computation.run())[0]![0]!;
    for (const [t, tensor] of wrt.entries())
      for (const index of draw(gradients[t]!.length, samples, random)) {
        const values = given.get(tensor)!;
        const x = typeof values === 'number' ? values : values[index]!;
        const f = slopeOf(computation, tensor, index, x);
        const h = epsilon * Math.max(1, Math.abs(x));
        const verdict = await compare(gradients[t]![index]!, f, middle, h, tolerance);
        computation.write(tensor, Float64Array.of(x), index);
        if (verdict === 'kink') kinks++;
        else found.push({ name: tensor.node.label, index, analytic: gradients[t]![index]!, ...verdict });
      }
  } finally {
    computation.dispose();
  }
  // NaN is the worst of all: it must not hide behind comparisons that are false.
  const rank = ({ relativeError }: GradCheckSample) =>
    Number.isNaN(relativeError) ? Number.POSITIVE_INFINITY : relativeError;
  const worst = found.reduce<GradCheckSample | undefined>((a, b) => (a && rank(a) >= rank(b) ? a : b), undefined);
  const maxRelativeError = worst ? rank(worst) : 0;
  return {
    ok: found.length > 0 && maxRelativeError <= tolerance,
    maxRelativeError,
    worst,
    checked: found.length,
    kinks,
  };
}

async function gradientsOf(loss: Tensor, wrt: readonly Tensor[], feeds: Feeds, options: ComputeOptions) {
  const gradients = grad(loss, wrt);
  for (const { node } of wrt)
    if (node.op !== inputOp && node.op !== parameterOp)
      throw wrongType('gradCheck', 'wrt', 'inputs or parameters', node.label);
  const computation = new Computation([...gradients, loss], feeds, options);
  try {
    return await computation.run();
  } finally {
    computation.dispose();
  }
}

/** The loss as a function of a step along one coordinate. */
type Slope = (step: number) => Promise<number>;

function slopeOf(computation: Computation, tensor: Tensor, index: number, x: number): Slope {
  return async (step) => {
    computation.write(tensor, Float64Array.of(x + step), index);
    return (await computation.run())[0]![0]!;
  };
}

type Verdict = 'kink' | Pick<GradCheckSample, 'numeric' | 'relativeError'>;

/**
 * Compares with steps h, h/8 and h/64 to both sides of the `middle`, f(0). The first that agrees will do; a kink is one where the two sides
 * differ as much at the last as at the first.
 */
async function compare(analytic: number, f: Slope, middle: number, h: number, tolerance: number): Promise<Verdict> {
  const rounding = 64 * Number.EPSILON * Math.abs(middle);
  let best: { numeric: number; relativeError: number } | undefined;
  let firstGap = 0;
  for (const step of [h, h / 8, h / 64]) {
    const [right, left] = [((await f(step)) - middle) / step, (middle - (await f(-step))) / step];
    const numeric = (right + left) / 2;
    const size = Math.max(Math.abs(analytic), Math.abs(numeric), rounding / h / tolerance);
    const relativeError = size === 0 ? 0 : Math.abs(analytic - numeric) / size;
    if (!(best && best.relativeError <= relativeError)) best = { numeric, relativeError };
    if (relativeError <= tolerance) return { numeric, relativeError };
    const gap = Math.abs(right - left);
    firstGap ||= gap;
    const sides = Math.max(Math.abs(right), Math.abs(left));
    if (step < h / 32 && gap > firstGap / 2 && gap > (16 * rounding) / step && gap > 1e-3 * sides) return 'kink';
  }
  return best!;
}

/** `count` different numbers below `length` (all of them if there are no more), in no order. */
function draw(length: number, count: number, random: RandomStream): number[] {
  const all = Array.from({ length }, (_, i) => i);
  if (length <= count) return all;
  for (let i = 0; i < count; i++) {
    const j = i + random.below(length - i);
    [all[i], all[j]] = [all[j]!, all[i]!];
  }
  return all.slice(0, count);
}
