/** A long life: bench/soak.mjs in a process of its own. With STEEPEST_LONG=1 10,000 steps and 1,000 models, minutes. Needs dist/ (npm run build). */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { hasCpu } from './tiny.js';

const root = join(__dirname, '..', '..');
const long = process.env.STEEPEST_LONG === '1';
const [steps, models] = long ? [10_000, 1000] : [2000, 160];

test.skipIf(!hasCpu() || !existsSync(join(root, 'dist', 'index.js')))(
  `resident memory stays within 8 MiB over ${steps} steps and ${models} models`,
  () => {
    const args = ['--expose-gc', 'bench/soak.mjs', '--steps', String(steps), '--models', String(models)];
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' });
    expect(stderr).toBe('');
    expect(stdout).toMatch(/held at the end: 0 bytes more .*\nflat\n$/);
    expect(status).toBe(0);
  },
  long ? 3_600_000 : 300_000,
);
