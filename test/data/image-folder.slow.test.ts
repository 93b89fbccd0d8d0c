/** Hundreds of folders. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { imageFolder } from '../../lib/data/image-folder.js';
import { jpeg } from '../helpers/jpeg.js';
import { temporaryFolder } from '../helpers/temporary.js';

const root = temporaryFolder('classes');

it('refuses more classes than a byte can number', async () => {
  const add = (name: string) => {
    mkdirSync(join(root, name));
    writeFileSync(join(root, name, 'a.jpg'), jpeg([1]));
  };
  for (let i = 0; i < 256; i++) add(String(i));
  expect((await imageFolder(root)).classes).toBe(256);
  add('256');
  await expect(imageFolder(root)).rejects.toMatchObject({
    code: 'ERR_FORMAT',
    message: expect.stringMatching(/at most 256 folders at .* found 257/),
  });
});
