/** Images and tables of one's own, from the files to what `evaluate` tells. Inside the test, on few images. */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runCommand } from '../../helpers/fake-io.js';
import { jpeg } from '../../helpers/jpeg.js';
import { folderOf } from '../../helpers/temporary.js';

const options = ['--model', 'mlp', '--batch', '8', '--epochs', '6', '--json'];

async function trained(dir: string, ...data: string[]) {
  const [model, log] = [join(dir, 'model.safetensors'), join(dir, 'log.jsonl')];
  const { code, io } = await runCommand(['train', ...options, ...data, '--save', model, '--log', log]);
  expect([code, io.stderr]).toEqual([0, expect.stringContaining(`saved to ${model}\n`)]);
  const found = await runCommand(['evaluate', '--model', model, '--json', ...data]);
  expect(found.code).toBe(0);
  expect((await runCommand(['report', log])).code).toBe(0);
  const { testLoss, testAccuracy } = io.lines.at(-1)!;
  expect(found.io.lines[0]).toMatchObject({ accuracy: testAccuracy, loss: expect.closeTo(testLoss as number, 5) });
  return testAccuracy;
}

test('a folder of images', async () => {
  const files: Record<string, Uint8Array> = {};
  for (let i = 0; i < 24; i++)
    for (const [name, base] of Object.entries({ dark: 20, light: 200 }))
      files[`${i % 3 === 0 ? 'test' : 'train'}/${name}/${i}.jpg`] = jpeg([base + i]);
  const dir = folderOf(files);
  expect(await trained(dir, '--data', 'folder', '--data-dir', dir)).toBe(1);
});

test('tables', async () => {
  const rows = Array.from({ length: 48 }, (_, i) => `${Math.sin(i)},${i % 7},${Math.sin(i) > 0 ? 'up' : 'down'}`);
  const table = (some: readonly string[]) => `sine,other,side\n${some.join('\n')}\n`;
  const dir = folderOf({ 'a.csv': table(rows.slice(0, 36)), 'b.csv': table(rows.slice(36)) });
  const files = ['--train-file', join(dir, 'a.csv'), '--test-file', join(dir, 'b.csv')];
  expect(await trained(dir, '--data', 'csv', ...files)).toBeGreaterThan(0.8);
});
