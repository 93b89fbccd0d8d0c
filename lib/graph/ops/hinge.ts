/**
 * loss[row] = sum over k of max(0, 1 - t z), or of its square (lecture notes 1.1: the L1 loss and the L2 loss of linear classification).
 * Targets t are usually -1 and 1. The derivative at t z = 1 is 0.
 */
import { checkOptions, wrongType } from '../../errors.js';
import { apply1, type Op, rowsAndColumns, type Tensor } from '../tensor.js';
import { plus } from './add.js';
import { inferLossBackward, inferTargetLoss } from './losses.js';
import { mul } from './mul.js';
import { dotRows } from './rows.js';
import { scale } from './scale.js';
import { fill } from './sum.js';

export interface HingeOptions {
  /** Squares each term. Default false. */
  readonly squared?: boolean;
}
type HingeAttributes = Required<HingeOptions>;

export const hingeOp: Op<HingeAttributes> = {
  name: 'hinge',
  noDerivative: [1],
  infer: inferTargetLoss,
  vjp: ({ inputs: [z, t], attributes }, [dloss]) => [dloss && hingeBackward(z!, t!, dloss, attributes)],
  jvp: ({ inputs: [z, t], outputs: [loss], attributes }, [zdot]) => [
    zdot && dotRows(hingeBackward(z!, t!, fill(loss!.shape, 1), attributes), zdot),
  ],
  emit: ({ inputs: [z, t], outputs: [loss], attributes: { squared } }, emit) =>
    emit('hinge_forward', { z: z!, t: t!, loss: loss!, ...rowsAndColumns(z!.shape), squared: +squared }),
};

/** -t dloss where t z < 1, else 0; squared: 2 (1 - t z) times that. */
export const hingeBackwardOp: Op<HingeAttributes> = {
  name: 'hingeBackward',
  noDerivative: [1],
  infer: inferLossBackward,
  vjp: ({ inputs: [z, t, dloss], attributes }, [g]) =>
    g
      ? [
          curvature(g, z!, t!, dloss!, attributes),
          undefined,
          dotRows(g, hingeBackward(z!, t!, fill(dloss!.shape, 1), attributes)),
        ]
      : [],
  jvp: ({ inputs: [z, t, dloss], attributes }, [zdot, , ldot]) => [
    plus(zdot && curvature(zdot, z!, t!, dloss!, attributes), ldot && hingeBackward(z!, t!, ldot, attributes)),
  ],
  emit: ({ inputs: [z, t, dloss], outputs: [dz], attributes: { squared } }, emit) =>
    emit('hinge_backward', {
      z: z!,
      t: t!,
      dloss: dloss!,
      dz: dz!,
      ...rowsAndColumns(z!.shape),
      squared: +squared,
    }),
};

/** The hinge loss of each row of scores z [N, k] against targets t [N, k] of -1 and 1: [N]. Throws ERR_SHAPE where they differ in shape. */
export function hinge(z: Tensor, t: Tensor, options?: HingeOptions, label?: string): Tensor {
  const where = label ?? 'hinge';
  checkOptions(where, options, ['squared']);
  const { squared = false } = options ?? {};
  if (typeof squared !== 'boolean') throw wrongType(where, 'squared', 'true or false', squared);
  return apply1(hingeOp, [z, t], { squared }, label);
}

function hingeBackward(z: Tensor, t: Tensor, dloss: Tensor, attributes: HingeAttributes): Tensor {
  return apply1(hingeBackwardOp, [z, t, dloss], attributes);
}

/** The second derivative times v: 2 t^2 v dloss where t z < 1 if squared, else none. */
function curvature(v: Tensor, z: Tensor, t: Tensor, dloss: Tensor, { squared }: HingeAttributes): Tensor | undefined {
  return squared ? mul(scale(mul(t, hingeBackward(z, t, dloss, { squared: false })), -2), v) : undefined;
}
