/** The README's example runs as it stands (on fewer digits), and its promises about commands hold. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { examplesOf, runExample as run } from './helpers/examples.js';

const root = join(__dirname, '..');
const readme = readFileSync(join(root, 'README.md'), 'utf8');

const examples = examplesOf('README.md');

it('has an example that runs', () => {
  const lines = run(examples[0]!.replaceAll(/count: [\d_]+/g, 'count: 200'));
  expect(lines).toHaveLength(4);
  expect(lines[0]).toMatch(/^1 \d+\.\d+ \d+/);
  expect(lines[3]).toMatch(/loss: \d.*accuracy: \d/);
});

it('has a network that is no chain, and is one', () => {
  const imports = "import { add, connect, conv2d, dense, globalAveragePool2d, input, model, relu } from 'steepest';";
  const lines = run(`${imports}\n${examples[1]}\nconsole.log(net.summary());`);
  expect(lines.join('\n')).toMatch(/add_1 .* of input, relu_1\n/);
});

it('has a whole-data method that goes down', () => {
  const before = `import { dense, digits, flatten, sequential } from 'steepest';
    const net = sequential({ inputShape: [28, 28, 1], device: 'reference' }, [flatten(), dense({ units: 10 })]);`;
  const lines = run(
    `${before}\n${examples[2]!.replaceAll(/count: [\d_]+/g, 'count: 100').replace('iterations: 10', 'iterations: 2')}`,
  );
  expect(lines).toHaveLength(3);
  expect(Number(lines[2]!.split(' ')[1])).toBeLessThan(Number(lines[0]!.split(' ')[1]));
});

it('fits a linear classifier to a file', () => {
  const data = join(root, 'examples', `readme-${process.pid}.libsvm`);
  writeFileSync(data, '+1 1:1 3:0.5\n-1 2:1\n+1 1:2\n');
  try {
    const lines = run(
      `import { fitLinear, readLibsvm } from 'steepest';\n${examples[3]!.replace('heart_scale', data)}`,
    );
    expect(lines[0]).toMatch(/^0\.89\d+ \d\S* 1 Float64Array/);
  } finally {
    rmSync(data);
  }
});

it('has a pipeline', () => {
  const before = `import { augment, dense, digits, flatten, pipeline, sequential, split } from 'steepest';
    const model = sequential({ inputShape: [28, 28, 1], device: 'reference' }, [flatten(), dense({ units: 10 })]);`;
  const lines = run(`${before}\n${examples[4]!.replaceAll(/count: [\d_]+/g, 'count: 100')}`);
  expect(lines.join('')).toMatch(/loss: \d.*accuracy: \d.*rows: 10 /);
});

it('names scripts that exist', () => {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  for (const [, script] of readme.matchAll(/npm run ([\w:]+)/g)) expect(scripts).toHaveProperty([script!]);
  expect(readme).toContain('npm ci && npm start');
  expect(readme).toContain('npm ci && npm test');
});
