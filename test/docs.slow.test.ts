/** The guides' examples run as they stand, and say what they promise; their links lead somewhere. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { examplesOf, runExample } from './helpers/examples.js';

const root = join(__dirname, '..');
const guides = readdirSync(join(root, 'docs'))
  .filter((name) => name.endsWith('.md'))
  .map((name) => join('docs', name));

/** What some examples are to print, by file and place. */
const printed: Record<string, Record<number, RegExp>> = {
  'docs/train.md': {
    ...{ 0: /^1 .*\n2 (.|\n)* epochs$/, 1: /^0$/, 3: /add_1 .* of input, relu_1\n/ },
    ...{ 4: /^0 (.|\n)*\n5 \d/, 5: /^0\.89\d+ \d\S* 1 Float64Array/ },
  },
  'docs/data.md': { 0: /loss: \d.*accuracy: \d.*rows: 50 / },
  'docs/files.md': { 0: /^Float32Array\(2\)/, 1: /^(Float32Array\(2\) \[.*\]) \1$/s },
  'docs/serve.md': { 0: /^before .*\nafter /, 1: /^true true$/ },
  'docs/benchmark.md': { 0: /^reference 128 / },
  'docs/extend.md': { 0: /\ntrue 6$/ },
  'docs/coming-from.md': { 1: /^Int32Array\(4\) \[ 0, 1, 1, 0 \]$/, 2: /^0 .*\n1 .*\n2 .*\n3 / },
};

describe.each(guides)('%s', (guide) => {
  test.each(examplesOf(guide).map((code, i) => [i + 1, code] as const))('example %i runs', (number, code) => {
    expect(runExample(code).join('\n')).toMatch(printed[guide]?.[number - 1] ?? /./);
  });

  test('links lead to files', () => {
    for (const [, link] of readFileSync(join(root, guide), 'utf8').matchAll(/\]\(([^):#]+)\)/g))
      expect(existsSync(join(root, dirname(guide), link!)), link).toBe(true);
  });
});
