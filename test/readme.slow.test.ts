/** The README's example runs as it stands (on fewer digits), and its promises about commands hold. */
import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const root = join(__dirname, '..');
const readme = readFileSync(join(root, 'README.md'), 'utf8');

it('has an example that runs', () => {
  const example = /```js\n(.*?)```/s.exec(readme)![1]!.replaceAll(/count: [\d_]+/g, 'count: 200');
  const file = join(root, 'examples', `readme-${process.pid}.mjs`); // inside the package, so that 'steepest' is found
  writeFileSync(file, example);
  try {
    const lines = execFileSync(process.execPath, [file], { encoding: 'utf8' }).trim().split('\n');
    expect(lines).toHaveLength(4);
    expect(lines[0]).toMatch(/^1 \d+\.\d+ \d+/);
    expect(lines[3]).toMatch(/loss: \d.*accuracy: \d/);
  } finally {
    rmSync(file);
  }
});

it('names scripts that exist', () => {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  for (const [, script] of readme.matchAll(/npm run ([\w:]+)/g)) expect(scripts).toHaveProperty([script!]);
  expect(readme).toContain('npm ci && npm start');
  expect(readme).toContain('npm ci && npm test');
});
