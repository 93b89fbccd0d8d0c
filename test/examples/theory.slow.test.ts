/** `npm run theory` at small size: what the course's theory says is what comes out. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../helpers/temporary.js';

const folder = join(__dirname, '..', '..', 'examples', 'theory');
const part = (name: string) => import(pathToFileURL(join(folder, name)).href);
const out = temporaryFolder('theory');

interface Stochastic {
  readonly label: string;
  readonly squares: number[];
  readonly weighted: number[];
  readonly bound: number[];
  readonly quarters: { readonly third: number; readonly last: number };
  readonly halves: { readonly eighth: number; readonly quarter: number; readonly half: number };
}

test('stochastic gradient: a constant step levels off, 1/sqrt(t + 1) goes on falling', async () => {
  const { problem } = await part('problem.mjs');
  const { measure } = await part('stochastic.mjs');
  const { results } = await measure(problem(300), { steps: 16_000, measurements: 160, seeds: 2 });
  const [large, middle, small, falling]: Stochastic[] = results;
  for (const { label, quarters } of [large!, middle!, small!]) {
    expect(quarters.last / quarters.third, label).toBeGreaterThan(0.8);
    expect(quarters.last / quarters.third, label).toBeLessThan(1.25);
  }
  // Floors go with the step, which is divided by about 3 each time.
  expect(large!.quarters.last / middle!.quarters.last).toBeGreaterThan(1.7);
  expect(middle!.quarters.last / small!.quarters.last).toBeGreaterThan(1.7);
  // With alpha / sqrt(t + 1) the mean over [T, 2T] falls as alpha does: by sqrt(2) where T doubles.
  const { eighth, quarter, half } = falling!.halves;
  for (const factor of [quarter / eighth, half / quarter]) {
    expect(factor).toBeGreaterThan(0.6);
    expect(factor).toBeLessThan(0.8);
  }
  expect(falling!.quarters.last).toBeLessThan(small!.quarters.last);
  for (const { label, weighted, bound } of results as Stochastic[])
    for (const [k, value] of weighted.entries()) expect(value, label).toBeLessThanOrEqual(bound[k]!);
});

test('methods on all of the data: each is faster than the one before, and Newton faster than linear', async () => {
  const { problem } = await part('problem.mjs');
  const { compare, reached } = await part('methods.mjs');
  const found = await compare(problem(200), { iterations: 150 });
  const [descent, heavy, lbfgs, newton] = found.map((one: unknown) => reached(one, 1e-10)?.iterations);
  expect(descent).toBeUndefined();
  expect(heavy).toBeLessThan(150);
  expect(lbfgs).toBeLessThan(heavy);
  expect(newton).toBeLessThan(lbfgs);
  // Gradient descent falls in each iteration, by nearly the same factor at last; Newton's factor falls too.
  const [slow, , , fast]: number[][] = found.map(({ gap }: { gap: number[] }) => gap);
  const factors = (gap: number[]) => gap.slice(1).map((value, k) => value / gap[k]!);
  expect(Math.max(...factors(slow!))).toBeLessThan(1);
  const late = factors(slow!).slice(-20);
  expect(Math.max(...late) - Math.min(...late)).toBeLessThan(0.02);
  const quick = factors(fast!.filter((value) => value > 1e-11));
  expect(quick.at(-1)!).toBeLessThan(quick[0]! / 5);
});

test('the command prints its tables and writes a page of four charts', () => {
  const page = join(out, 'theory.html');
  const args = ['--steps', '500', '--seeds', '1', '--iterations', '20', '--out', page];
  const lines = execFileSync(process.execPath, [join(folder, 'main.mjs'), ...args], { encoding: 'utf8' }).split('\n');
  expect(lines.filter((line) => /^α = /.test(line))).toHaveLength(4);
  expect(lines.filter((line) => /^Newton-CG +\d+ \(\d+\) +\d+ \(\d+\)/.test(line))).toHaveLength(1);
  expect(lines.at(-2)).toBe(`charts: ${page}`);
  expect(readFileSync(page, 'utf8').match(/<div class="chart">/g)).toHaveLength(4);
});
