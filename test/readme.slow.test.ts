/** The README's example runs as it stands (on fewer digits), and its promises about commands hold. */
import { existsSync, readFileSync } from 'node:fs';
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

it('names scripts that exist', () => {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  for (const [, script] of readme.matchAll(/npm run ([\w:]+)/g)) expect(scripts).toHaveProperty([script!]);
  expect(readme).toContain('npm ci && npm start');
  expect(readme).toContain('npm ci && npm test');
});

it('links to files that exist', () => {
  const links = [...readme.matchAll(/\]\(([^):#]+)\)/g)].map(([, link]) => link!);
  expect(links.length).toBeGreaterThan(5);
  for (const link of links) expect(existsSync(join(root, link)), link).toBe(true);
});
