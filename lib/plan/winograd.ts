/**
 * Third stage of compiling, where the backend asks for it: convolutions by Winograd's minimal filtering. Each filter is transformed once a
 * step for each direction it is used in; the largest ones are by the convolutions themselves.
 */
import type { ConvolutionShape } from '../backends/backend.js';
import { convolutionKernels, filterTransform } from '../backends/tiles.js';
import { panelled, points } from '../geometry.js';
import { apply1, isSource, type Tensor } from '../graph/tensor.js';
import { temporaryOp } from './fuse.js';
import { type Call, isTensorUse } from './lower.js';

const DIRECTIONS = new Map(
  Object.entries(convolutionKernels).map(([direction, kernel]) => [kernel as string, direction]),
);

/** Floats of a filter beyond which a convolution runs on the whole batch: a slice would read it from memory again. */
const LARGEST_SLICED_FILTER = 2 ** 18;

/**
 * Sets the tiles that `choose` gives, and puts the transformations of filters first; those of large ones, which end a segment anyway, where
 * they are needed, so that they do not all take up memory at once.
 */
export function chooseTiles(calls: readonly Call[], choose: (shape: ConvolutionShape) => number): Call[] {
  const transforms = new Map<string, Call>();
  const first: Call[] = [];
  const chosen = calls.flatMap((call) => {
    const shape = shapeOf(call);
    if (shape === undefined) return call;
    const tile = choose(shape);
    if (tile === 0) return call;
    const ints = { ...call.ints, tile };
    const { filter } = call.buffers;
    const sizes = filterTransform(shape, tile);
    if (filter === undefined || sizes === undefined) return { ...call, ints };
    const key = `${(filter as Tensor).id} ${tile} ${sizes.turned}`;
    let transform = transforms.get(key);
    let own: Call | undefined;
    if (transform === undefined) {
      const { depth, columns, r } = sizes;
      const u = apply1(temporaryOp, [], { shape: [points(tile, r), panelled(columns) / 32, depth, 32] }, call.label);
      const buffers = { filter, u };
      transform = { kernel: 'winograd_filter_forward', buffers, ints: sizes, reals: {}, label: call.label };
      transforms.set(key, transform);
      own = transform;
    }
    const convolution = { ...call, buffers: { ...call.buffers, u: transform.buffers.u! }, ints };
    if (own !== undefined && readsLargeFilter(convolution)) return [own, convolution];
    if (own !== undefined) first.push(own);
    return convolution;
  });
  return [...first, ...chosen];
}

/** The convolutions that chooseTiles asks for. */
export function convolutionsOf(calls: readonly Call[]): ConvolutionShape[] {
  return calls.flatMap((call) => shapeOf(call) ?? []);
}

/** Undefined for other kernels, and where the filter is no parameter or constant. */
function shapeOf({ kernel, ints, buffers: { filter } }: Call): ConvolutionShape | undefined {
  const direction = DIRECTIONS.get(kernel);
  if (direction === undefined || (filter !== undefined && !(isTensorUse(filter) && isSource(filter)))) return undefined;
  const { n: _, relu: __, tile: ___, ...sizes } = ints;
  return { direction, ...sizes } as ConvolutionShape;
}

/** Whether this is a convolution with a filter too large to be read for each slice of the batch. */
export function readsLargeFilter({ kernel, ints }: Call): boolean {
  if (!DIRECTIONS.has(kernel)) return false;
  const { c, k, r, s, tile } = ints as Record<string, number>;
  return (tile! > 0 ? points(tile!, r!) : r! * s!) * c! * k! > LARGEST_SLICED_FILTER;
}
