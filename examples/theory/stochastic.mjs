// The notes' section 2.3, measured: theta_{t+1} = theta_t - alpha_t grad f_i(theta_t), i drawn anew from all rows in every step. Bound (7) says
//   sum alpha_t E|grad f(theta_t)|^2 / sum alpha_t <= (f(theta_0) - f* + G^2 L / 2 sum alpha_t^2) / sum alpha_t,
// which for a constant alpha stops at alpha G^2 L / 2 and for alpha / sqrt(t + 1) goes to 0 as log(T) / sqrt(T).
import { dense, schedules, sequential, sgd } from 'steepest';
import { CLASSES, constants, INPUTS } from './problem.mjs';

export const rules = [
  { label: 'α = 0.3', schedule: schedules.constant(0.3) },
  { label: 'α = 0.1', schedule: schedules.constant(0.1) },
  { label: 'α = 0.03', schedule: schedules.constant(0.03) },
  { label: 'α = 1/√(t + 1)', schedule: schedules.inverseSqrt(1) },
];

/** Whole numbers below n, from a seed (the generator is mulberry32). */
function drawing(seed, n) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * n);
  };
}

/** f and |grad f|^2 of all rows where the model stands: the record of minimize's start, from which no step is taken. */
async function standing(model, data) {
  const run = model.minimize(data, { method: 'lbfgs', C: Infinity, onIteration: () => run.stop() });
  const { objective, gradientNorm } = await run;
  return { f: objective, square: gradientNorm ** 2 };
}

/** |grad f(theta_t)|^2 at t = 0, every, 2 every, ..., and f(theta_0), of one run. */
async function descend(data, schedule, { steps, every, seed, device }) {
  const model = sequential({ inputShape: [INPUTS], seed, device }, [dense({ units: CLASSES })]);
  const optimizer = sgd({ learningRate: schedule }); // counts its updates over all calls of fit
  const draw = drawing(seed, data.rows);
  const squares = [];
  let start;
  for (let t = 0; t < steps; t += every) {
    const { f, square } = await standing(model, data);
    start ??= f;
    squares.push(square);
    const rows = Array.from({ length: every }, draw);
    const x = new Float32Array(every * INPUTS);
    for (const [k, i] of rows.entries()) x.set(data.x.subarray(i * INPUTS, (i + 1) * INPUTS), k * INPUTS);
    const y = rows.map((i) => data.y[i]);
    await model.fit({ x, y }, { batchSize: 1, shuffle: false, optimizer, metrics: ['loss'] });
  }
  model.dispose();
  return { start, squares };
}

/** f* of all rows: L-BFGS in float64. */
async function least(data) {
  const model = sequential({ inputShape: [INPUTS], precision: 'float64' }, [dense({ units: CLASSES })]);
  const { objective } = await model.minimize(data, { method: 'lbfgs', C: Infinity, iterations: 200 });
  model.dispose();
  return objective;
}

const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

/**
 * For each rule: t; squares, the mean over the seeds of |grad f(theta_t)|^2; the left side of (7) for T = t + every, `weighted`; its right
 * side, `bound`; and means of the squares over parts of the run.
 */
export async function measure(data, { steps, measurements, seeds, device = 'auto' }) {
  const every = Math.ceil(steps / measurements);
  const [{ G, L }, lowest] = [constants(data), await least(data)];
  const results = [];
  for (const { label, schedule } of rules) {
    const runs = [];
    for (let seed = 1; seed <= seeds; seed++) runs.push(await descend(data, schedule, { steps, every, seed, device }));
    const squares = runs[0].squares.map((_, k) => mean(runs.map((run) => run.squares[k])));
    const gap = mean(runs.map(({ start }) => start)) - lowest;
    let [sum, sumSquares, sumWeighted] = [0, 0, 0];
    const [weighted, bound] = [[], []];
    for (const [k, square] of squares.entries()) {
      for (let t = k * every; t < (k + 1) * every; t++) {
        const alpha = schedule.at(t);
        sum += alpha;
        sumSquares += alpha ** 2;
        sumWeighted += alpha * square;
      }
      weighted.push(sumWeighted / sum);
      bound.push((gap + (G ** 2 * L * sumSquares) / 2) / sum);
    }
    const part = (from, to) => mean(squares.slice(Math.round(from * squares.length), Math.round(to * squares.length)));
    const quarters = { second: part(1 / 4, 1 / 2), third: part(1 / 2, 3 / 4), last: part(3 / 4, 1) };
    const halves = { eighth: part(1 / 8, 1 / 4), quarter: part(1 / 4, 1 / 2), half: part(1 / 2, 1) };
    const t = squares.map((_, k) => (k + 1) * every);
    results.push({ label, t, squares, weighted, bound, quarters, halves });
  }
  return { G, L, results };
}
