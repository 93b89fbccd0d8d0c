/** The 60,000 JPEG files of CIFAR-10, where their archive lies beside the checkout (skipped, and counted as skipped, where it does not). */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCommandLine } from '../../lib/cli/program.js';
import { cifar10 } from '../../lib/data/cifar10.js';
import { dataFolder } from '../helpers/data.js';
import { FakeIo } from '../helpers/fake-io.js';

const archive = dataFolder('cifar10');

describe.skipIf(archive === undefined)('CIFAR-10', () => {
  const dir = mkdtempSync(join(tmpdir(), 'cifar10-'));
  beforeAll(() => execFileSync('tar', ['-xJf', join(archive!, 'cifar10-images.tar.xz'), '-C', dir]), 300_000);
  afterAll(() => rmSync(dir, { recursive: true }), 300_000);

  // The sums are of the same files decoded by Pillow.
  it('is read as other libraries read it', async () => {
    const { train, test } = await cifar10(dir);
    expect([train.count, test.count, ...train.shape, train.classes]).toEqual([50_000, 10_000, 32, 32, 3, 10]);
    expect(train.classNames.slice(0, 3)).toEqual(['airplane', 'automobile', 'bird']);
    const sum = (x: Uint8Array) => createHash('sha256').update(x).digest('hex');
    expect(sum(train.x)).toBe('bf3aabd52be912dae02a0435296c4dab5289524b57f55cd162dc4796935a611b');
    expect(sum(test.x)).toBe('5a6aa8185204d80b65d3dfb540696dadd5f10d185ded226a96665d3e0fc6259f');
    for (let label = 0; label < 10; label++)
      expect(train.y.subarray(5000 * label, 5000 * (label + 1)).every((y) => y === label)).toBe(true);
  });

  it.each(['cnn4', 'vgg11', 'resnet18'])('trains %s', async (model) => {
    const io = new FakeIo();
    const args = ['train', '--model', model, '--data', 'cifar10', '--data-dir', dir, '--limit', '100', '--batch', '20'];
    expect(await runCommandLine([...args, '--epochs', '1', '--json'], io), io.stderr).toBe(0);
    expect(io.stderr).toBe('');
    expect(io.lines.at(-1)).toMatchObject({ event: 'done', trainLoss: expect.any(Number) });
    expect(io.lines.at(-1)!.testAccuracy).toBeGreaterThanOrEqual(0);
  });
});
