/** Damaged checkpoints by the hundred, also with a sum that fits them again: a fit goes on from what it can read, or refuses with ERR_CHECKPOINT. */
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { SteepestError } from '../../../lib/errors.js';
import { dense } from '../../../lib/layers/dense.js';
import { earlyStopping } from '../../../lib/train/callbacks/early-stopping.js';
import { type Model, sequential } from '../../../lib/train/model.js';
import { fuzz, JSON_MARKS } from '../../helpers/fuzz.js';
import { inFolder } from './resumed.js';

const data = { x: Float32Array.from({ length: 24 }, (_, i) => Math.sin(i)), y: [0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2] };
const net = (): Model => sequential({ inputShape: [2], seed: 5, device: 'reference' }, [dense({ units: 3 })]);
const options = () => ({
  ...{ epochs: 3, batchSize: 4, optimizer: 'adam' as const, validationData: data },
  callbacks: [earlyStopping({ patience: 2 })],
});

/** With the sum of what is there now, if its place can still be found. */
function resealed(bytes: Uint8Array): Uint8Array {
  const file = Buffer.from(bytes);
  const at = file.indexOf('"sha256":"');
  if (at < 0 || at + 74 > file.length) return file;
  file.write('0'.repeat(64), at + 10);
  file.write(createHash('sha256').update(file).digest('hex'), at + 10);
  return file;
}

test.each([
  ['as it is', (bytes: Uint8Array) => bytes, 600],
  ['with a sum that fits', resealed, 1500],
] as const)('a damaged file %s', async (_, seal, cases) => {
  await inFolder(async (dir) => {
    const file = join(dir, 'one.safetensors');
    const run = net().fit(data, {
      ...options(),
      onBatchEnd: ({ step, epoch }) => step === 2 && epoch === 2 && run.stop(),
    });
    await run.checkpoint(file);
    await run;
    const damaged = join(dir, 'damaged.safetensors');
    const good = readFileSync(file);
    const tokens = [...JSON_MARKS, '\\"', 'null', '-1', '1e99', '0.5', 'true', '\\"epoch\\"', '\\"seed\\"'];
    const counts = await fuzz({
      ...{ files: [good], tokens, cases },
      async read(bytes) {
        writeFileSync(damaged, seal(bytes));
        const model = net();
        try {
          return await model.fit(data, { ...options(), resume: damaged });
        } finally {
          model.dispose();
        }
      },
      check: ({ epochs }) => expect(epochs.length).toBeLessThanOrEqual(3),
      refusal: (error) => error instanceof SteepestError && error.code === 'ERR_CHECKPOINT',
    });
    expect(counts.refused).toBeGreaterThan(cases / 4);
  });
});
