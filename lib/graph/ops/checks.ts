/** Checks that the ops share: element types, ranks, and windows over images. */
import type { DType } from '../../backends/kernels.js';
import { wrongShape, wrongType } from '../../errors.js';
import { out, paddable } from '../../geometry.js';
import { type Dim, imageShape, isTensor, type Shape, showShape, type Tensor } from '../tensor.js';

/** What a shape rule gives for one real output. */
export function real(shape: Shape): readonly [{ shape: Shape; dtype: DType }] {
  return [{ shape, dtype: 'real' }];
}

/** Throws a TypeError unless each of the named tensors has the element type. */
export function checkDType(where: string, dtype: DType, tensors: Readonly<Record<string, Tensor>>): void {
  for (const [name, tensor] of Object.entries(tensors))
    if (tensor.dtype !== dtype)
      throw wrongType(where, name, `a tensor of type ${dtype}`, `a tensor of type ${tensor.dtype}`);
}

/** Throws a TypeError unless `x` is a symbolic tensor, before a function reads its shape. */
export function checkTensor(where: string, name: string, x: unknown): asserts x is Tensor {
  if (!isTensor(x)) throw wrongType(where, name, 'a symbolic tensor', x);
}

/** Throws ERR_SHAPE unless the tensor is a scalar, shape []. */
export function checkScalar(where: string, name: string, x: Tensor): void {
  if (x.shape.length !== 0)
    throw wrongShape(where, `expected a scalar (shape []) for ${name} but received shape ${showShape(x.shape)}`);
}

/** Throws ERR_SHAPE unless the tensor has the shape. */
export function checkShapeIs(where: string, name: string, x: Tensor, shape: Shape): void {
  if (x.shape.length !== shape.length || x.shape.some((d, i) => d !== shape[i]))
    throw wrongShape(where, `expected shape ${showShape(shape)} for ${name} but received shape ${showShape(x.shape)}`);
}

/** Rows and columns of a matrix [rows, k]; k is a number. Throws ERR_SHAPE otherwise. */
export function matrixShape(where: string, name: string, x: Tensor): { rows: Dim; k: number } {
  const [rows, k] = x.shape;
  if (x.shape.length !== 2 || typeof k !== 'number')
    throw wrongShape(where, `expected shape [rows, k] for ${name} but received shape ${showShape(x.shape)}`);
  return { rows: rows!, k };
}

/** Shape [n, p, q, c] that windows of r x s, moved by `stride`, give over images [n, h, w, c]. */
export function windowShape(
  where: string,
  x: Tensor,
  { r, s, stride, padding = 0 }: { r: number; s: number; stride: number; padding?: number },
): readonly [Dim, number, number, number] {
  const { n, h, w, c } = imageShape(where, x);
  const p = out(h, r, stride, padding);
  const q = out(w, s, stride, padding);
  if (Number.isNaN(p) || Number.isNaN(q))
    throw wrongShape(
      where,
      `a window of ${r} x ${s} (stride ${stride}, padding ${padding}) does not fit in images of shape ${showShape(x.shape)}`,
    );
  checkPadding(where, padding, h, w);
  return [n, p, q, c];
}

/** Throws ERR_SHAPE where a convolution is padded with more zeros than it takes. */
export function checkPadding(where: string, padding: number, h: number, w: number): void {
  const most = paddable(h, w);
  if (padding > most)
    throw wrongShape(where, `expected a padding of at most ${most} over images of ${h} x ${w} but received ${padding}`);
}
