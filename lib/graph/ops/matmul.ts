/**
 * C = op(A) op(B), op = transpose or nothing. A fully-connected layer is y[N, out] = x[N, in] W[in, out] (lecture notes 1.2);
 * its weights' gradient x' dy contracts over the batch and is not batched itself.
 */
import { checkOptions, wrongShape, wrongType } from '../../errors.js';
import { apply1, type Dim, dim, type Op, showShape, type Tensor } from '../tensor.js';
import { plus } from './add.js';
import { checkDType, real } from './checks.js';

export interface MatmulOptions {
  /** A is given as [k, m]. Default false: [m, k]. */
  readonly transposeA?: boolean;
  /** B is given as [n, k]. Default false: [k, n]. */
  readonly transposeB?: boolean;
}
type MatmulAttributes = Required<MatmulOptions>;

export const matmulOp: Op<MatmulAttributes> = {
  name: 'matmul',
  infer: ([a, b], attributes, where) => {
    checkDType(where, 'real', { a: a!, b: b! });
    const { m, n } = sizes(where, a!, b!, attributes);
    return real([m, n]);
  },
  vjp: ({ inputs: [a, b], attributes: { transposeA, transposeB } }, [dc]) => {
    if (!dc) return [];
    const da = transposeA
      ? matmul(b!, dc, { transposeA: transposeB, transposeB: true })
      : matmul(dc, b!, { transposeB: !transposeB });
    const db = transposeB ? matmul(dc, a!, { transposeA: true, transposeB: transposeA }) : null;
    return [da, db ?? matmul(a!, dc, { transposeA: !transposeA })];
  },
  jvp: ({ inputs: [a, b], attributes }, [da, db]) => [
    plus(da && matmul(da, b!, attributes), db && matmul(a!, db, attributes)),
  ],
  emit: ({ inputs: [a, b], outputs: [c], label, attributes }, emit) => {
    const { m, n, k } = sizes(label, a!, b!, attributes);
    const flags = { transposeA: +attributes.transposeA, transposeB: +attributes.transposeB, accumulate: 0, relu: 0 };
    emit('gemm', { a: a!, b: b!, c: c!, m: dim(m), n: dim(n), k: dim(k), ...flags });
  },
};

function sizes(where: string, a: Tensor, b: Tensor, { transposeA, transposeB }: MatmulAttributes) {
  const fail = (why: string) => {
    const turned = (t: boolean) => (t ? ' transposed' : '');
    return wrongShape(
      where,
      `${why}: ${showShape(a.shape)}${turned(transposeA)} times ${showShape(b.shape)}${turned(transposeB)}`,
    );
  };
  if (a.shape.length !== 2 || b.shape.length !== 2) throw fail('a product needs two matrices');
  const [m, ka] = turn(a, transposeA);
  const [kb, n] = turn(b, transposeB);
  if (ka !== kb) throw fail('the inner sizes of the product differ');
  if (n === 'N') throw fail('the batch can only be the first size of a product');
  return { m, n, k: ka };
}

function turn({ shape }: Tensor, transpose: boolean): readonly [Dim, Dim] {
  return transpose ? [shape[1]!, shape[0]!] : [shape[0]!, shape[1]!];
}

/**
 * The matrix product of a [m, k] and b [k, n], either given transposed: [m, n]. `m` may be the batch ('N'); with transposeA the batch
 * may be `k`, summed over. Throws ERR_SHAPE where the sizes do not fit.
 */
export function matmul(a: Tensor, b: Tensor, options?: MatmulOptions, label?: string): Tensor {
  const where = label ?? 'matmul';
  checkOptions(where, options, ['transposeA', 'transposeB']);
  const { transposeA = false, transposeB = false } = options ?? {};
  for (const [name, value] of Object.entries({ transposeA, transposeB }))
    if (typeof value !== 'boolean') throw wrongType(where, name, 'true or false', value);
  return apply1(matmulOp, [a, b], { transposeA, transposeB }, label);
}
