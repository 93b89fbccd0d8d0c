/** Sums along rows and their transpose, as products with a column of ones: what the derivatives of losses are made of. */
import { constant, type Tensor } from '../tensor.js';
import { checkTensor, matrixShape } from './checks.js';
import { matmul } from './matmul.js';
import { mul } from './mul.js';
import { reshape } from './reshape.js';

/** The sum of each row of x [rows, k]: [rows]. */
export function sumRows(x: Tensor): Tensor {
  checkTensor('sumRows', 'x', x);
  const { rows, k } = matrixShape('sumRows', 'x', x);
  return reshape(matmul(x, constant(new Float64Array(k).fill(1), [k, 1])), [rows]);
}

/** <a, b> of each row of two tensors [rows, k]: [rows]. */
export function dotRows(a: Tensor, b: Tensor): Tensor {
  return sumRows(mul(a, b));
}

/** x [rows, k] with row i multiplied by v[i]. */
export function scaleRows(x: Tensor, v: Tensor): Tensor {
  checkTensor('scaleRows', 'x', x);
  const { rows, k } = matrixShape('scaleRows', 'x', x);
  return mul(x, matmul(reshape(v, [rows, 1]), constant(new Float64Array(k).fill(1), [1, k])));
}
