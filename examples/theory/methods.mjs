// Methods on all of the data (notes 2.1, 2.2.2): f(theta) = theta'theta / (2C) + mean loss, from theta = 0, in float64. Each gives f after each
// iteration and the passes over the data until then: a value, a gradient and a product with the Gauss-Newton matrix are one pass each.
import { dense, initializers, momentum, sequential } from 'steepest';
import { CLASSES, constants, INPUTS } from './problem.mjs';

const C = 100;

/** The model at theta = 0. */
function start() {
  const zeros = { weightsInitializer: initializers.zeros };
  return sequential({ inputShape: [INPUTS], precision: 'float64' }, [dense({ units: CLASSES, ...zeros })]);
}

/** A whole-data method: as many iterations, or until no step lowers f. */
async function whole(data, label, iterations, options) {
  const model = start();
  const { iterations: records } = await model.minimize(data, { C, iterations, tolerance: 0, ...options });
  model.dispose();
  let sum = 0;
  const passes = records.map((record) => {
    sum += record.passes;
    return sum;
  });
  return { label, f: records.map(({ objective }) => objective), passes };
}

/**
 * Heavy ball, v <- a v - alpha grad f, theta <- theta + v: fit with one batch of all rows. Polyak's numbers for eigenvalues of the Hessian in
 * [mu, L]: alpha = 4 / (sqrt(L) + sqrt(mu))^2, a = ((sqrt(L) - sqrt(mu)) / (sqrt(L) + sqrt(mu)))^2.
 */
async function heavyBall(data, label, iterations) {
  const mu = 1 / C;
  const L = constants(data).L + mu;
  const [low, high] = [Math.sqrt(mu), Math.sqrt(L)];
  const optimizer = momentum({ learningRate: 4 / (low + high) ** 2, momentum: ((high - low) / (high + low)) ** 2 });
  const model = start();
  const objective = async () => {
    const { loss } = await model.evaluate(data, { batchSize: data.rows, metrics: ['loss'] });
    let square = 0;
    for (const { values } of model.weights()) for (const value of values) square += value ** 2;
    return loss + square / (2 * C);
  };
  const f = [await objective()];
  await model.fit(data, {
    epochs: iterations,
    batchSize: data.rows,
    shuffle: false,
    optimizer,
    C,
    metrics: ['loss'],
    onEpochEnd: async () => f.push(await objective()),
  });
  model.dispose();
  return { label, f, passes: f.map((_, k) => k) };
}

/** Each method with `gap`, f - f* by iteration. */
export async function compare(data, { iterations }) {
  const newton = { method: 'newton-cg', sampleSize: data.rows, lambda: 0 }; // all rows, no damping: Newton's method
  const found = [
    await whole(data, 'gradient descent, backtracking', iterations, { method: 'gradient-descent' }),
    await heavyBall(data, 'momentum (heavy ball)', iterations),
    await whole(data, 'L-BFGS', iterations, { method: 'lbfgs' }),
    await whole(data, 'Newton-CG', Math.min(iterations, 30), newton),
  ];
  const exact = await whole(data, '', 50, { ...newton, xi: 1e-6 });
  const lowest = Math.min(...[...found, exact].flatMap(({ f }) => f));
  return found.map((one) => ({ ...one, gap: one.f.map((f) => f - lowest) }));
}

/** The first iteration whose gap is at most `gap`, with its passes; undefined where there is none. */
export function reached({ gap, passes }, most) {
  const at = gap.findIndex((value) => value <= most);
  return at < 0 ? undefined : { iterations: at, passes: passes[at] };
}
