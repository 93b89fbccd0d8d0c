// The theory of the course, measured: `npm run theory`, or
//   node examples/theory/main.mjs [--out build/theory.html] [--steps 40000] [--seeds 4] [--iterations 600]
// (a) stochastic gradient with constant and diminishing steps (stochastic.mjs); (b) methods on all of the data (methods.mjs).
// Prints a table of numbers and writes a page of charts. The same numbers every time on one machine and build.
import { mkdirSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { devices } from 'steepest';
import { writePage } from '../../dist/report/page.js';
import { compare, reached } from './methods.mjs';
import { problem } from './problem.mjs';
import { measure } from './stochastic.mjs';

const text = { type: 'string' };
const { values } = parseArgs({ options: { out: text, steps: text, seeds: text, iterations: text } });
const native = devices()[0].name !== 'reference';
/** A whole number from the command line. */
function whole(name, usual) {
  const value = Number(values[name] ?? usual);
  if (!Number.isSafeInteger(value) || value < 1)
    throw new RangeError(`--${name}: expected a whole number >= 1 but received ${values[name]}`);
  return value;
}
const steps = whole('steps', native ? 40_000 : 4_000);
const seeds = whole('seeds', native ? 4 : 1);
const iterations = whole('iterations', 600);
const out =
  values.out === undefined ? fileURLToPath(new URL('../../build/theory.html', import.meta.url)) : resolve(values.out);

const short = (value) => value.toExponential(2);
/** Prints a table with its columns aligned. */
function print({ head, rows }) {
  const cells = [head, ...rows].map((row) => row.map(String));
  const widths = head.map((_, c) => Math.max(...cells.map((row) => row[c].length)));
  for (const row of cells)
    console.log(
      row
        .map((cell, c) => cell.padEnd(widths[c]))
        .join('  ')
        .trimEnd(),
    );
  console.log();
}

const data = problem(500);
const { G, L, results } = await measure(data, { steps, measurements: 250, seeds });
const floors = {
  kind: 'table',
  title: 'Stochastic gradient: mean of |∇f|² over parts of the run',
  note: `G = ${G.toFixed(2)} and L = ${L.toFixed(2)} of the notes' assumptions, true here for all θ. Weighted: the mean of all by step sizes, the left side of (7); far below its bound.`,
  head: ['step size', '2nd quarter', '3rd', '4th', '4th / 3rd', 'weighted', 'bound (7)'],
  rows: results.map(({ label, quarters: { second, third, last }, weighted, bound }) => [
    label,
    ...[second, third, last].map(short),
    (last / third).toFixed(2),
    short(weighted.at(-1)),
    short(bound.at(-1)),
  ]),
};
print(floors);

const methods = await compare(data, { iterations });
const levels = [1e-2, 1e-6, 1e-10];
const speeds = {
  kind: 'table',
  title: 'Methods: iterations (passes over the data) until f - f* is at most ...',
  head: ['method', ...levels.map((level) => level.toExponential())],
  rows: methods.map((method) => [
    method.label,
    ...levels.map((level) => {
      const found = reached(method, level);
      return found === undefined ? `not in ${method.gap.length - 1}` : `${found.iterations} (${found.passes})`;
    }),
  ]),
};
print(speeds);

/** Means over windows of ten measurements. */
function smoothed({ label, t, squares }) {
  const windows = Array.from({ length: Math.floor(t.length / 10) }, (_, k) => k * 10);
  const y = windows.map((k) => squares.slice(k, k + 10).reduce((sum, value) => sum + value, 0) / 10);
  return { label, x: windows.map((k) => t[k + 9]), y };
}
const time = { label: 'step', log: true };
const square = { label: '|∇f|²', log: true };
const gap = { label: 'f - f*', log: true };
mkdirSync(dirname(out), { recursive: true });
await writePage('theory', out, {
  title: 'The theory of the course, measured',
  note: `Softmax regression on ${data.rows} built-in digits, 16 inputs, 10 classes. Stochastic gradient: one random row a step, ${steps} steps, mean of ${seeds} seeds.`,
  panels: [
    {
      ...{ kind: 'chart', title: 'Stochastic gradient: |∇f|² levels off, or falls', x: time, y: square },
      note: 'Means of ten measurements. A constant step stays on a floor that is lower for a smaller step; 1/√(t + 1) goes on falling.',
      series: results.map(smoothed),
    },
    {
      ...{ kind: 'chart', title: 'Both sides of bound (7)', x: time, y: square },
      note: 'Solid: the mean of |∇f|² until T, weighted by the step sizes. Dashed: what it is at most.',
      series: [
        ...results.map(({ label, t, weighted }, color) => ({ label, x: t, y: weighted, color })),
        ...results.map(({ label, t, bound }, color) => ({
          label: `bound, ${label}`,
          x: t,
          y: bound,
          color,
          style: 'dashed',
        })),
      ],
    },
    {
      ...{ kind: 'chart', title: 'All of the data: by iteration', x: { label: 'iteration' }, y: gap },
      series: methods.map(({ label, gap }) => ({ label, x: gap.map((_, k) => k), y: gap })),
    },
    {
      ...{ kind: 'chart', title: 'All of the data: by pass', x: { label: 'passes over the data', log: true }, y: gap },
      series: methods.map(({ label, gap, passes }) => ({ label, x: passes, y: gap })),
    },
    floors,
    speeds,
  ],
});
console.log(`charts: ${out}`);
