/** Cases of the poolings. */
import { cases, type Draw, type Ints, indices, type KernelCases } from './case.js';

const shapes: Ints[] = [
  [1, 1, 1, 1, 1, 1],
  [2, 4, 4, 1, 2, 2],
  [1, 5, 7, 3, 2, 2],
  [2, 6, 6, 17, 3, 2],
  [1, 7, 5, 2, 3, 1],
  [3, 8, 8, 32, 2, 2],
  [1, 9, 9, 33, 3, 3],
  [2, 5, 5, 4, 5, 1],
  [1, 6, 9, 5, 2, 3],
  [2, 10, 3, 7, 3, 4],
  [4, 33, 32, 17, 2, 2],
  [0, 4, 4, 2, 2, 2],
  [2, 4, 4, 0, 2, 2],
].map(([n, h, w, c, pool, stride]) => ({ n: n!, h: h!, w: w!, c: c!, pool: pool!, stride: stride! }));

const globalShapes: Ints[] = [
  [1, 1, 1, 1],
  [3, 4, 4, 512],
  [2, 5, 7, 3],
  [5, 7, 1, 17],
  [1, 1, 9, 33],
  [9, 33, 32, 31],
  [0, 4, 4, 2],
  [2, 4, 4, 0],
  [2, 0, 4, 3],
].map(([n, h, w, c]) => ({ n: n!, h: h!, w: w!, c: c! }));
const areaTerms = ({ h, w }: Ints) => h! * w!;

const stochasticShapes: Ints[] = shapes.map((ints, i) => ({
  ...ints,
  seed: [7, 2 ** 40 + 3][i % 2]!,
  stream: i,
  step: 5 * i,
  first: [0, 6, 2 ** 33 + 1][i % 3]!,
}));

const windowTerms = ({ pool }: Ints) => pool! * pool!;
const places: Draw = indices(
  ({ pool }) => pool! * pool!,
  (count) => [count, 65535],
);

export const pooling = {
  // Integers have ties, of which the first must win.
  max_pool2d_forward: { cases: cases(shapes, ['real', 'integers', 'special']), compare: 'exact' },
  max_pool2d_backward: {
    cases: cases(shapes, ['real', 'integers', 'special']),
    compare: 'absolute',
    terms: windowTerms,
    draw: { argmax: places },
  },
  max_pool2d_select: { cases: cases(shapes, ['real', 'special']), compare: 'exact', draw: { argmax: places } },
  average_pool2d_forward: { cases: cases(shapes, ['real', 'special']), compare: 'absolute', terms: windowTerms },
  average_pool2d_backward: { cases: cases(shapes, ['real', 'special']), compare: 'absolute', terms: windowTerms },
  global_average_pool2d_forward: {
    cases: cases(globalShapes, ['real', 'integers', 'special']),
    compare: 'absolute',
    terms: areaTerms,
  },
  global_average_pool2d_backward: { cases: cases(globalShapes, ['real', 'special']), compare: 'output' },
  stochastic_pool2d_forward: { cases: cases(stochasticShapes, ['real', 'integers', 'special']), compare: 'exact' },
  stochastic_pool2d_expected: { cases: cases(shapes, ['real', 'special']), compare: 'output', terms: windowTerms },
} satisfies Record<string, KernelCases>;
