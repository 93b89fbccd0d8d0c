/** Damaged files by the thousand: each is read as what it is, or refused with ERR_FORMAT. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { encodeNpy, readNpy } from '../../lib/formats/npy.js';
import { encodeNpz, readNpz } from '../../lib/formats/npz.js';
import { decodeSafetensors, encodeSafetensors } from '../../lib/formats/safetensors.js';
import { loadModel, model } from '../../lib/train/model.js';
import { fromOnnx, toOnnx } from '../../lib/train/onnx.js';
import { fuzz, JSON_MARKS } from '../helpers/fuzz.js';
import { temporaryFolder } from '../helpers/temporary.js';
import { exampleGraph } from '../layers/examples.js';
import { onnxModels } from './onnx-networks.js';

const folder = temporaryFolder('fuzz');
const golden = (name: string) => JSON.parse(readFileSync(join(__dirname, '../golden', name), 'utf8'));
const bytesOf = (base64: string) => new Uint8Array(Buffer.from(base64, 'base64'));

/** Damage is neither always fatal nor never. */
const both = ({ refused, read }: { refused: number; read: number }) =>
  expect(Math.min(refused, read)).toBeGreaterThan(20);

const JSON_TOKENS = [...JSON_MARKS, '"', '""', '"dtype"', '"F64"', '"shape"', '"data_offsets"', '"__proto__"', '\\'];

it('safetensors', async () => {
  const small = encodeSafetensors({ a: { dtype: 'F32', shape: [2, 3], data: new Float32Array(6) } }, { b: 'c' });
  const counts = await fuzz({
    files: [bytesOf(golden('safetensors-file.json').file), small],
    cases: 4000,
    tokens: JSON_TOKENS,
    read: (bytes) => decodeSafetensors(bytes),
    check({ tensors, metadata }) {
      for (const { shape, data } of Object.values(tensors)) expect(shape.reduce((a, b) => a * b, 1)).toBe(data.length);
      const again = decodeSafetensors(encodeSafetensors(tensors, metadata));
      expect(Object.keys(again.tensors).sort()).toEqual(Object.keys(tensors).sort());
    },
  });
  both(counts);
});

it('npy', async () => {
  const { arrays, turned, versions, others } = golden('numpy-files.json');
  const counts = await fuzz({
    files: (Object.values({ ...arrays, ...turned, ...versions, ...others }) as string[]).map(bytesOf),
    cases: 4000,
    tokens: [
      '{',
      '}',
      '(',
      ')',
      ',',
      ':',
      "'",
      "'<f8'",
      "'>i2'",
      "'shape'",
      "'descr'",
      "'fortran_order'",
      'True',
      '3L',
    ],
    read: readNpy,
    check({ dtype, shape, data }) {
      expect(shape.reduce((a, b) => a * b, 1)).toBe(data.length);
      expect(encodeNpy({ dtype, shape, data }).length).toBeGreaterThan(data.length);
    },
  });
  both(counts);
});

it('npz', async () => {
  const { savez, savez_compressed } = golden('numpy-files.json');
  const own = encodeNpz({ a: { shape: [100], data: new Int32Array(100) } }, { compressed: true });
  const counts = await fuzz({
    files: [bytesOf(savez), bytesOf(savez_compressed), own],
    cases: 4000,
    read: readNpz,
    check: (arrays) => expect(Object.keys(arrays).length).toBeLessThan(4),
  });
  both(counts);
});

it('models', async () => {
  const files: Uint8Array[] = [];
  for (const kind of ['dense', 'conv2d', 'batchNorm', 'residual', 'add'] as const) {
    const net = model({ ...exampleGraph(kind), device: 'reference' });
    await net.save(join(folder, kind));
    files.push(new Uint8Array(readFileSync(join(folder, kind))));
  }
  const counts = await fuzz({
    files,
    cases: 3000,
    tokens: [...JSON_TOKENS, '\\"units\\"', '\\"kind\\"', '\\"inputs\\"', '\\"conv2d\\"', '\\"flatten\\"', '-1'],
    read: (bytes) => loadModel(bytes, { device: 'reference' }),
    check(net) {
      expect(net.outputShape.length).toBeGreaterThan(0);
      net.dispose();
    },
  });
  both(counts);
});

it('onnx', async () => {
  const written = await Promise.all(onnxModels().map(([, net]) => toOnnx(net)));
  const pytorch = Object.values(golden('pytorch-onnx.json')).map((entry) => bytesOf((entry as { file: string }).file));
  const counts = await fuzz({
    files: [...written, ...pytorch],
    cases: 4000,
    read: (bytes) => fromOnnx(bytes, { device: 'reference' }),
    check(net) {
      expect(net.outputShape.length).toBeGreaterThan(0);
      net.dispose();
    },
  });
  both(counts);
});
