/** The file in which the choices of tuning are kept, damaged. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { TuningCache } from '../../lib/backends/tuning-cache.js';
import { fuzz } from '../helpers/fuzz.js';
import { temporaryFolder } from '../helpers/temporary.js';

const dir = temporaryFolder('tuning');
const open = () => new TuningCache({ steepest: '1.2.3', isa: 'avx2', cpu: 'Some CPU (R) 42' }, () => dir);

test('no damaged file is taken for more than numbers', async () => {
  const cache = open();
  for (const [i, name] of ['a', 'b', '__proto__'].entries()) cache.set(name, 2 * i);
  const path = join(dir, readdirSync(dir)[0]!);
  const read = (bytes: Uint8Array) => {
    writeFileSync(path, bytes);
    const damaged = open();
    return ['a', 'b', '__proto__', 'constructor'].map((name) => damaged.get(name));
  };
  const check = (found: unknown[]) => {
    for (const choice of found) expect(['number', 'undefined']).toContain(typeof choice);
  };
  const tokens = ['{', '}', '"', ':', ',', '[]', '"choices"', '"a"', 'null', 'true', '"4"'];
  await fuzz({ files: [readFileSync(path)], tokens, read, check, cases: 500 });
});
