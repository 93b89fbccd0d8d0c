/** The examples of the derivative toolkit's docstrings run as they stand. A line `name; // value` says what the name is then. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import * as steepest from '../../lib/index.js';

const files = ['graph/grad.ts', 'graph/jvp.ts', 'graph/second-order.ts', 'plan/grad-check.ts', 'plan/compute.ts'];
const AsyncFunction = (async () => {}).constructor as new (...args: string[]) => (...args: unknown[]) => Promise<void>;

/** Of each docstring with an example: the function that follows it, and the code. */
const examples = files.flatMap((file) => {
  const source = readFileSync(join(__dirname, '../../lib', file), 'utf8');
  const blocks = source.matchAll(/ \* @example\n((?: \* .*\n)+) \*\/\nexport (?:async )?function (\w+)/g);
  return [...blocks].map(([, code, name]) => ({ name: name!, code: code!.replaceAll(/^ \* /gm, '') }));
});

/** Typed arrays as plain ones. */
const plain = (value: unknown): unknown =>
  ArrayBuffer.isView(value) ? Array.from(value as Float64Array) : Array.isArray(value) ? value.map(plain) : value;

it('are there for every function', () => {
  const names = ['grad', 'valueAndGrad', 'vjp', 'jvp', 'hvp', 'gaussNewtonProduct', 'gradCheck', 'compute'];
  expect(examples.map(({ name }) => name).sort()).toEqual(names.sort());
});

it.each(examples)('$name', async ({ code }) => {
  let checks = 0;
  const check = (value: unknown, expected: unknown) => {
    checks++;
    expect(plain(value)).toEqual(expected);
  };
  const body = code.replaceAll(/^(\w+); \/\/ (.*)$/gm, 'check($1, $2);');
  await new AsyncFunction('check', ...Object.keys(steepest), body)(check, ...Object.values(steepest));
  expect(checks).toBeGreaterThan(0);
});
