/** `steepest convert` and `export`: what they write is what was there. Runs inside the test. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { readNpz } from '../../lib/formats/npz.js';
import { encodeSafetensors, readSafetensors } from '../../lib/formats/safetensors.js';
import { loadModel, type Model } from '../../lib/train/model.js';
import { fromOnnx } from '../../lib/train/onnx.js';
import { runCommand } from '../helpers/fake-io.js';
import { temporaryFolder } from '../helpers/temporary.js';
import { convnet } from '../train/tiny.js';

const dir = temporaryFolder('convert');
const at = (name: string) => join(dir, name);

const run = (...args: string[]) => runCommand(args);

const net = convnet();
const x = Float32Array.from({ length: 128 }, (_, i) => Math.sin(i));
beforeAll(() => net.save(at('net.safetensors')));
const same = async (model: Model) => expect(await model.predict(x)).toEqual(await net.predict(x));

describe('a model', () => {
  it('goes to ONNX and back', async () => {
    const { code, io } = await run('convert', at('net.safetensors'), at('net.onnx'));
    expect([code, io.stderr]).toEqual([0, '']);
    const size = readFileSync(at('net.onnx')).length.toLocaleString('en-US');
    expect(io.stdout).toBe(`${at('net.onnx')}: onnx, ${size} bytes\n`);
    await same(await fromOnnx(at('net.onnx'), { device: 'reference' }));
    expect((await run('convert', at('net.onnx'), at('again.safetensors'))).code).toBe(0);
    await same(await loadModel(at('again.safetensors'), { device: 'reference' }));
  });

  it('gives its parameters to numpy', async () => {
    expect((await run('export', '--model', at('net.safetensors'), '--format', 'npz', at('weights'))).code).toBe(0);
    const arrays = await readNpz(at('weights'));
    for (const { name, shape, values } of net.weights())
      expect(arrays[name]).toEqual({ dtype: 'float32', shape, data: values });
    expect(Object.keys(arrays)).toHaveLength(net.weights().length);
  });
});

it('tensors go from safetensors to npz and back, every type', async () => {
  const tensors = {
    a: { dtype: 'F16', shape: [2], data: Float32Array.of(1.5, 2) },
    b: { dtype: 'I64', shape: [], data: BigInt64Array.of(-1n) },
    c: { dtype: 'BOOL', shape: [1, 2], data: Uint8Array.of(0, 1) },
  } as const;
  writeFileSync(
    at('a.safetensors'),
    encodeSafetensors({ ...tensors, d: { dtype: 'BF16', shape: [1], data: Float32Array.of(2) } }),
  );
  expect((await run('convert', at('a.safetensors'), at('a.npz'))).code).toBe(0);
  expect((await run('convert', at('a.npz'), at('b.safetensors'))).code).toBe(0);
  const again = (await readSafetensors(at('b.safetensors'))).tensors;
  expect({ ...again }).toEqual({ ...tensors, d: { dtype: 'F32', shape: [1], data: Float32Array.of(2) } });
});

describe('what cannot be', () => {
  it.each([
    [
      ['convert', at('net.safetensors'), at('net.h5')],
      2,
      'net.h5: expected a name ending in .safetensors, .onnx, .npz',
    ],
    [['convert', at('a.npz'), at('a.onnx')], 2, 'a.npz has tensors alone: ONNX is for models'],
    [['convert', at('none.onnx'), at('b.npz')], 1, 'ENOENT'],
    [
      ['convert', at('net.safetensors'), at('none/net.onnx')],
      1,
      "ERR_FILE: convert: expected a file to write for the result but '",
    ],
    [['export', at('net.onnx')], 2, "required option '--model <file>' not specified"],
    [
      ['export', '--model', at('net.safetensors'), '--format', 'h5', at('x')],
      2,
      'Allowed choices are safetensors, onnx, npz',
    ],
  ])('%#: ends with its code and says why', async (args, code, message) => {
    const before = readdirSync(dir);
    const ended = await run(...args);
    expect(ended.code).toBe(code);
    expect(ended.io.stderr).toContain(message);
    expect(readdirSync(dir)).toEqual(before);
  });
});

it('--help has examples', async () => {
  const { code, io } = await run('convert', '--help');
  expect(code).toBe(0);
  expect(io.stdout).toContain('$ steepest convert digits.safetensors digits.onnx');
});
