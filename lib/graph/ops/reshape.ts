/** The same elements under another shape (row-major), and flatten: vec(Z) before a fully-connected layer (lecture notes 1.3.8). No kernel runs. */
import { wrongShape, wrongType } from '../../errors.js';
import { apply1, elements, type Op, type Shape, showShape, type Tensor } from '../tensor.js';
import { checkTensor } from './checks.js';

interface ReshapeAttributes {
  readonly shape: Shape;
}

export const reshapeOp: Op<ReshapeAttributes> = {
  name: 'reshape',
  view: true,
  infer: ([x], { shape }, where) => {
    const [from, to] = [elements(x!.shape), elements(shape)];
    if (from.fixed !== to.fixed || from.perImage !== to.perImage)
      throw wrongShape(where, `${showShape(x!.shape)} and ${showShape(shape)} do not hold the same number of values`);
    return [{ shape, dtype: x!.dtype }];
  },
  vjp: ({ inputs: [x] }, [dy]) => [dy && reshape(dy, x!.shape)],
  jvp: ({ attributes: { shape } }, [dx]) => [dx && reshape(dx, shape)],
};

/** x under another shape of as many elements; a batched tensor stays batched. Throws ERR_SHAPE otherwise. */
export function reshape(x: Tensor, shape: Shape, label?: string): Tensor {
  if (
    !Array.isArray(shape) ||
    !shape.every((d, i) => (Number.isInteger(d) && (d as number) >= 0) || (d === 'N' && i === 0))
  )
    throw wrongType(label ?? 'reshape', 'shape', "an array of sizes ('N' may stand first)", shape);
  return apply1(reshapeOp, [x], { shape }, label);
}

/** [N, h, w, c] as [N, h*w*c]; any tensor of at least one axis: all axes after the first become one. */
export function flatten(x: Tensor, label?: string): Tensor {
  const where = label ?? 'flatten';
  checkTensor(where, 'x', x);
  const [first, ...rest] = x.shape;
  if (first === undefined) throw wrongShape(where, 'a scalar (shape []) has no axis to keep');
  return reshape(x, [first, rest.reduce<number>((product, d) => product * (d as number), 1)], where);
}
