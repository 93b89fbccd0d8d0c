/**
 * Third stage of compiling, where the backend asks for it: convolutions by Winograd's minimal filtering. Each filter is transformed once a
 * step, before all else, for each direction it is used in.
 */
import type { ConvolutionShape } from '../backends/backend.js';
import { panelled, points } from '../geometry.js';
import { apply1, isSource, type Tensor } from '../graph/tensor.js';
import { temporaryOp } from './fuse.js';
import { type Call, isTensorUse } from './lower.js';

const DIRECTIONS = {
  conv2d_forward: 'forward',
  conv2d_backward_input: 'input',
  conv2d_backward_filter: 'filter',
} as const;

/** Sets the tiles that `choose` gives, and puts the transformations of the filters first. */
export function chooseTiles(calls: readonly Call[], choose: (shape: ConvolutionShape) => number): Call[] {
  const transforms = new Map<string, Call>();
  const chosen = calls.map((call) => {
    const shape = shapeOf(call);
    const { filter } = call.buffers;
    if (shape === undefined || (filter !== undefined && !(isTensorUse(filter) && isSource(filter)))) return call;
    const tile = choose(shape);
    if (tile === 0) return call;
    const ints = { ...call.ints, tile };
    if (filter === undefined) return { ...call, ints };
    const turned = shape.direction === 'input' ? 1 : 0;
    const key = `${(filter as Tensor).id} ${tile} ${turned}`;
    let transform = transforms.get(key);
    if (transform === undefined) {
      const { c, k, r } = shape;
      const [depth, columns] = turned === 1 ? [k, c] : [c, k];
      const u = apply1(temporaryOp, [], { shape: [points(tile, r), panelled(columns) / 32, depth, 32] }, call.label);
      const buffers = { filter, u };
      transform = {
        kernel: 'winograd_filter_forward',
        buffers,
        ints: { depth, columns, r, tile, turned },
        reals: {},
        label: call.label,
      };
      transforms.set(key, transform);
    }
    return { ...call, buffers: { ...call.buffers, u: transform.buffers.u! }, ints };
  });
  return [...transforms.values(), ...chosen];
}

function shapeOf({ kernel, ints }: Call): ConvolutionShape | undefined {
  if (!(kernel in DIRECTIONS)) return undefined;
  const direction = DIRECTIONS[kernel as keyof typeof DIRECTIONS];
  const { n: _, relu: __, tile: ___, ...sizes } = ints;
  return { direction, ...sizes } as ConvolutionShape;
}

/** Floats of the filter that a convolution reads for each slice of the batch. */
export function filterFloats({ kernel, ints }: Call): number {
  if (!(kernel in DIRECTIONS)) return 0;
  const { c, k, r, s, tile } = ints as Record<string, number>;
  return (tile! > 0 ? points(tile!, r!) : r! * s!) * c! * k!;
}
