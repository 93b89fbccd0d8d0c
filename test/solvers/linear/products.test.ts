/** Products with sparse rows and columns, with a bias column and without, against plain loops over dense rows. */
import { describe, expect, it } from 'vitest';
import { RandomStream } from '../../../lib/random.js';
import { columnProducts, combineColumns } from '../../../lib/solvers/linear/columns.js';
import { Design } from '../../../lib/solvers/linear/design.js';
import { Gram } from '../../../lib/solvers/linear/gram.js';
import { addListed, timesListed } from '../../../lib/solvers/linear/rows.js';
import { addRowsWide, timesRowsWide } from '../../../lib/solvers/linear/wide-rows.js';
import type { Work } from '../../../lib/solvers/linear/work.js';
import { expectNear } from '../../helpers/near.js';
import { problem } from './problems.js';

function done<T>(work: Work<T>): T {
  for (let step = work.next(); ; step = work.next()) if (step.done) return step.value;
}

const ROWS = 700; // several blocks
const COLUMNS = 11;

describe.each([0, 3])('with a bias of %d', (bias) => {
  const { x, dense } = problem(ROWS, COLUMNS, { density: 0.6, seed: 4 });
  const full = dense.map((row) => (bias === 0 ? row : [...row, bias]));
  const design = new Design(x, bias);
  const { size } = design;
  const random = new RandomStream(2, 0);
  const vector = (length: number) => Float64Array.from({ length }, () => random.normal());
  const close = (got: ArrayLike<number>, wanted: readonly number[]) => expectNear(got, wanted, 9);
  const dotRow = (row: readonly number[], w: ArrayLike<number>) => row.reduce((sum, v, j) => sum + v * w[j]!, 0);
  const sumRows = (of: (row: readonly number[], i: number, j: number) => number) =>
    Array.from({ length: size }, (_, j) => full.reduce((sum, row, i) => sum + of(row, i, j), 0));
  const [w, v, s] = [vector(size), vector(ROWS), vector(size)];
  v[3] = 0;

  it('goes over all rows in blocks', () => {
    expect(design.blocks.length).toBeGreaterThan(2);
    expect([design.blocks[0], design.blocks.at(-1)]).toEqual([0, ROWS]);
  });

  it('multiplies: X w, X v, X diag(v) X s', () => {
    const u = new Float64Array(ROWS);
    done(design.times(w, u));
    close(
      u,
      full.map((row) => dotRow(row, w)),
    );
    const g = w.slice();
    done(design.addTransposeTimes(v, g));
    close(
      g,
      sumRows((row, i, j) => v[i]! * row[j]!).map((value, j) => value + w[j]!),
    );
    const h = w.slice();
    done(design.addGramTimes(v, s, h));
    close(
      h,
      sumRows((row, i, j) => v[i]! * dotRow(row, s) * row[j]!).map((value, j) => value + w[j]!),
    );
  });

  it('adds a gradient and the diagonal of a Hessian', () => {
    const [g, h] = [new Float64Array(size), new Float64Array(size)];
    const curvature = v.map(Math.abs);
    done(design.addDerivatives(v, curvature, g, h));
    close(
      g,
      sumRows((row, i, j) => v[i]! * row[j]!),
    );
    close(
      h,
      sumRows((row, i, j) => curvature[i]! * row[j]! ** 2),
    );
  });

  it('takes rows by a list', () => {
    const list = Int32Array.of(5, 600, 0);
    const [u, sum] = [new Float64Array(3), new Float64Array(size)];
    const entries = timesListed(x, bias, list, w, u, 0, 3);
    close(
      u,
      [...list].map((i) => dotRow(full[i]!, w)),
    );
    expect(addListed(x, bias, list, u, sum, 0, 3)).toBe(entries);
    close(
      sum,
      Array.from(w, (_, j) => [...list].reduce((total, i, k) => total + u[k]! * full[i]![j]!, 0)),
    );
  });

  it('has the same numbers by columns', () => {
    const columns = done(design.columns());
    const list = Int32Array.from({ length: size }, (_, j) => size - 1 - j);
    const [products, combined] = [new Float64Array(size), new Float64Array(ROWS)];
    done(columnProducts(columns, list, size, v, products));
    close(products, sumRows((row, i, j) => v[i]! * row[j]!).reverse());
    done(combineColumns(columns, list, size, w.toReversed(), combined));
    close(
      combined,
      full.map((row) => dotRow(row, w)),
    );
  });

  it('finds R with R R = X diag(v) X', () => {
    const weights = v.map(Math.abs);
    const gram = new Gram(design);
    done(gram.factor(weights));
    const { starts, values } = gram.columns;
    const r = (i: number, j: number) => (i <= j ? values[starts[j]! + i]! : 0);
    for (let a = 0; a < size; a++) {
      const row = Array.from({ length: size }, (_, b) => {
        let sum = 0;
        for (let k = 0; k < size; k++) sum += r(k, a) * r(k, b);
        return sum;
      });
      close(
        row,
        sumRows((of, i, j) => weights[i]! * of[a]! * of[j]!),
      );
    }
  });

  it('multiplies for several outputs at once', () => {
    const K = 3;
    const [W, V] = [vector(size * K), vector(ROWS * K)];
    const output = (values: Float64Array, k: number) => values.filter((_, at) => at % K === k);
    const [U, G, H] = [new Float64Array(ROWS * K), new Float64Array(size * K), new Float64Array(size * K)];
    timesRowsWide(x, bias, K, W, U, 0, ROWS);
    addRowsWide(x, bias, K, V, G, 0, ROWS);
    addRowsWide(x, bias, K, V, H, 0, ROWS, true);
    for (let k = 0; k < K; k++) {
      close(
        output(U, k),
        full.map((row) => dotRow(row, output(W, k))),
      );
      close(
        output(G, k),
        sumRows((row, i, j) => V[i * K + k]! * row[j]!),
      );
      close(
        output(H, k),
        sumRows((row, i, j) => V[i * K + k]! * row[j]! ** 2),
      );
    }
  });
});
