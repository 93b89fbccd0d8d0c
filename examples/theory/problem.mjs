// What both experiments minimise: softmax regression on the built-in digits, 16 inputs (means of 7 x 7 pixels, less their mean and divided by
// their deviation) and 10 classes. Convex, never separable at this size, and all constants of the notes' assumptions are known.
import { digits } from 'steepest';

const GRID = 4;
export const INPUTS = GRID * GRID;
export const CLASSES = 10;

/** `rows` digits: x [rows, 16] in float64, y. */
export function problem(rows) {
  const { x: pixels, y } = digits({ count: rows, seed: 1 });
  const x = new Float64Array(rows * INPUTS);
  const cell = 28 / GRID;
  for (let i = 0; i < rows; i++)
    for (let r = 0; r < 28; r++)
      for (let c = 0; c < 28; c++)
        x[i * INPUTS + Math.floor(r / cell) * GRID + Math.floor(c / cell)] += pixels[(i * 28 + r) * 28 + c];
  for (let j = 0; j < INPUTS; j++) {
    let [mean, square] = [0, 0];
    for (let i = j; i < x.length; i += INPUTS) mean += x[i] / rows;
    for (let i = j; i < x.length; i += INPUTS) square += (x[i] - mean) ** 2 / rows;
    for (let i = j; i < x.length; i += INPUTS) x[i] = (x[i] - mean) / Math.sqrt(square);
  }
  return { x, y, rows };
}

/**
 * Constants of f without a regulariser, z = (x, 1): |grad f_i| = |p - e_y| |z_i| <= G = sqrt(2) max |z_i|, and u'(Hessian)u <= L |u|^2
 * with L = lambda_max(sum z z' / l) / 2, because diag(p) - pp' <= 1/2.
 */
export function constants({ x, rows }) {
  const z = (i, j) => (j < INPUTS ? x[i * INPUTS + j] : 1);
  let longest = 0;
  for (let i = 0; i < rows; i++) {
    let square = 0;
    for (let j = 0; j <= INPUTS; j++) square += z(i, j) ** 2;
    longest = Math.max(longest, square);
  }
  let v = new Float64Array(INPUTS + 1).fill(1);
  let largest = 0;
  for (let k = 0; k < 500; k++) {
    const next = new Float64Array(INPUTS + 1);
    for (let i = 0; i < rows; i++) {
      let along = 0;
      for (let j = 0; j <= INPUTS; j++) along += z(i, j) * v[j];
      for (let j = 0; j <= INPUTS; j++) next[j] += (along * z(i, j)) / rows;
    }
    largest = Math.hypot(...next);
    v = next.map((value) => value / largest);
  }
  return { G: Math.sqrt(2 * longest), L: largest / 2 };
}
