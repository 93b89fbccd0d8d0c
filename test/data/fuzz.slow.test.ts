/** Damaged files of every format that is read: right, or refused by name. (libsvm's text against another reader: libsvm-fuzz.slow.test.ts.) */
import { spawnSync } from 'node:child_process';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { Readable, type Transform } from 'node:stream';
import { createDeflate, createGzip, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { cifar100 } from '../../lib/data/cifar100.js';
import { readCsv } from '../../lib/data/csv.js';
import { readIdx, writeIdx } from '../../lib/data/idx.js';
import { jpegDecoder } from '../../lib/data/jpeg.js';
import { readLibsvm } from '../../lib/data/libsvm.js';
import { readMat } from '../../lib/data/mat.js';
import { decodePng } from '../../lib/data/png.js';
import { checkSparse } from '../../lib/data/sparse.js';
import { extract } from '../../lib/data/tar.js';
import { SteepestError } from '../../lib/errors.js';
import { readSimplennConfig } from '../../lib/models/simplenn.js';
import { fuzz } from '../helpers/fuzz.js';
import { jpeg } from '../helpers/jpeg.js';
import { chunk, png } from '../helpers/png.js';
import { temporaryFolder } from '../helpers/temporary.js';
import { packedByXz } from '../helpers/xz.js';

const bytes = (text: string) => new Uint8Array(Buffer.from(text));
const product = (shape: readonly number[]) => shape.reduce((all, size) => all * size, 1);
const checkArray = ({ shape, data }: { shape: readonly number[]; data: ArrayLike<number> }) => {
  expect(shape.every((size) => Number.isSafeInteger(size) && size >= 0)).toBe(true);
  expect(data.length).toBe(product(shape));
};
/** The damage is neither always fatal nor never. */
const mixed = ({ refused, read }: { refused: number; read: number }, least = 0.05) =>
  expect(Math.min(refused, read)).toBeGreaterThan(least * (refused + read));

describe('IDX', () => {
  const files = [
    writeIdx({ shape: [2, 3, 2], data: Uint8Array.from({ length: 12 }, (_, i) => i) }),
    writeIdx({ shape: [300], data: Float64Array.from({ length: 300 }, Math.sqrt) }),
    writeIdx({ shape: [0, 28, 28], data: new Int16Array(0) }),
  ];
  it('is read or refused', async () => mixed(await fuzz({ files, read: readIdx, check: checkArray })));
  it('is read or refused where the packed file is damaged, or holds a damaged one', async () => {
    const packed = files.map((file) => new Uint8Array(gzipSync(file)));
    mixed(await fuzz({ files: packed, read: readIdx, check: checkArray, cases: 1000 }), 0.01);
    mixed(await fuzz({ files, read: (file) => readIdx(gzipSync(file)), check: checkArray, cases: 1000 }));
  });
});

describe('a packed file', () => {
  const text = '+1 1:0.5 3:-2 # a comment\n-1 2:1e-1\n';
  it.each([
    ['gzip', new Uint8Array(gzipSync(text))],
    ['xz', packedByXz],
  ])('by %s is unpacked or refused', async (_, file) => {
    const check = ({ x }: Awaited<ReturnType<typeof readLibsvm>>) => void checkSparse('fuzz', x);
    mixed(await fuzz({ files: [file], read: (packed) => readLibsvm(packed), check }), 0.001);
  });

  it('of a quarter of a gigabyte of zeros ends where the reader has enough', async () => {
    const zeros = async (pack: Transform, head: Uint8Array) => {
      const plain = function* () {
        yield head;
        for (let i = 0; i < 4096; i++) yield new Uint8Array(2 ** 16);
      };
      return new Uint8Array(Buffer.concat(await Readable.from(plain()).pipe(pack).toArray()));
    };
    const idx = await zeros(createGzip({ level: 1 }), writeIdx({ shape: [9], data: new Uint8Array(9) }));
    const words = (...list: number[]) => new Uint8Array(Uint32Array.from(list).buffer);
    const variable = await zeros(createDeflate({ level: 1 }), words(14, 64));
    const mat = Buffer.concat([bytes(`${' '.repeat(126)}IM`), words(15, variable.length), variable]);
    const before = process.resourceUsage().maxRSS;
    await expect(readIdx(idx)).rejects.toThrow(/bytes follow the last value/);
    await expect(readLibsvm(idx)).rejects.toThrow(/expected a number as the label/);
    await expect(readMat(mat)).rejects.toThrow(/expected a compressed variable .* but received a broken one/);
    expect(process.resourceUsage().maxRSS - before).toBeLessThan(2 ** 16); // KiB: 64 MiB
  });
});

describe('CSV', () => {
  const files = ['a,b,"c d"\n1,2.5,x\n-3e2,"4",y\n0,0,"x ""y"""\n', 'k;l\r\n1;2\r\n3;4\r\n'].map(bytes);
  const tokens = [',', ';', '"', '""', '\n', '\r\n', '1', '-2.5e3', 'nan', 'x', ' ', '\ufeff'];
  const check = ({ x, y, count, shape, columns }: Awaited<ReturnType<typeof readCsv>> & { y?: ArrayLike<number> }) => {
    expect([x.length, columns.length, y?.length ?? count]).toEqual([count * shape[0], shape[0], count]);
    expect(x.every(Number.isFinite)).toBe(true);
  };
  it('is read or refused', async () => {
    mixed(await fuzz({ files, tokens, read: (file) => readCsv(file, { label: -1 }), check, cases: 3000 }));
    mixed(await fuzz({ files, tokens, read: (file) => readCsv(file, { header: true, separator: ';' }), check }), 0.01);
  });
});

it('a network file of SimpleNN is read or refused', async () => {
  const file = bytes(
    ['L = 2; % the last', 'LC = 1', 'LF = 1', 'wd_input = [9];', ' ht_input=9', 'ch_input = [1,4];']
      .concat([
        'wd_pad_added = [1];',
        'wd_filter = [3];',
        'strides = 1',
        'wd_subimage_pool = [2];',
        'full_neurons = [3];',
      ])
      .join('\n'),
  );
  const tokens = ['=', ';', '[', ']', ',', '%', '\n', 'LC', 'strides', 'system("ls")', '3', '64'];
  const check = ({ layers, classes }: Awaited<ReturnType<typeof readSimplennConfig>>) => {
    expect(layers.length).toBeGreaterThan(0);
    expect(classes).toBeGreaterThan(0);
  };
  mixed(await fuzz({ files: [file], tokens, read: (text) => readSimplennConfig(text), check }), 0.02);
});

describe('MAT', () => {
  const golden: Record<string, string> = JSON.parse(readFileSync(join(__dirname, '../golden/mat.json'), 'utf8'));
  const files = Object.values(golden).map((file) => new Uint8Array(Buffer.from(file, 'base64')));
  it('is read or refused', async () => {
    const check = (found: Awaited<ReturnType<typeof readMat>>) => [...found.values()].forEach(checkArray);
    mixed(await fuzz({ files, read: (file) => readMat(file), check, cases: 3000 }));
  });
});

/** Files of libjpeg-turbo's own encoder: baseline and progressive, with chroma at half the resolution. */
async function encoded(): Promise<Uint8Array[]> {
  const { JPEGEncoder } = await createRequire(__filename)('@cornerstonejs/codec-libjpeg-turbo-8bit')();
  return [false, true].map((progressive) => {
    const encoder = new JPEGEncoder();
    encoder
      .getDecodedBuffer({ width: 40, height: 33, bitsPerSample: 8, componentCount: 3, isSigned: false })
      .forEach((_: number, i: number, pixels: Uint8Array) => {
        pixels[i] = (i * i) >> 4;
      });
    encoder.setProgressive(progressive);
    encoder.encode();
    return Uint8Array.from(encoder.getEncodedBuffer());
  });
}

describe('JPEG', () => {
  it('is decoded or refused', async () => {
    const decoder = await jpegDecoder();
    const read = (file: Uint8Array) => decoder(file) ?? Promise.reject(new SteepestError('ERR_FORMAT', 'refused'));
    const files = [jpeg([90]), jpeg([90, 20, 200]), ...(await encoded())];
    mixed(await fuzz({ files, read, check: checkArray }));
    expect(decoder(files[1]!)?.shape).toEqual([8, 8, 3]); // it still can
  });
});

describe('PNG', () => {
  const kinds = [
    { colour: 2, depth: 8 },
    { colour: 0, depth: 2, interlaced: true },
    { colour: 3, depth: 4, palette: new Array(48).fill(7) },
    { colour: 6, depth: 16 },
  ] as const;
  const samples = Array.from({ length: 252 }, (_, i) => i % 4);
  const files = kinds.map((kind) => png({ width: 9, height: 7, samples, filters: [4, 1, 3], ...kind }));
  const read = (file: Uint8Array) => decodePng(file) ?? Promise.reject(new SteepestError('ERR_FORMAT', 'refused'));

  /** Sums made right again, so that damage comes as far as what the chunks hold. */
  function resealed(damaged: Uint8Array): Uint8Array {
    const file = Buffer.from(damaged);
    for (let at = 8; at + 12 <= file.length; ) {
      const length = file.readUInt32BE(at);
      if (at + 12 + length > file.length) break;
      file.set(chunk(file.toString('latin1', at + 4, at + 8), file.subarray(at + 8, at + 8 + length)), at);
      at += 12 + length;
    }
    return file;
  }

  it('is decoded or refused', async () => mixed(await fuzz({ files, read, check: checkArray }), 0.001));
  it('is decoded or refused where its sums are right', async () =>
    mixed(await fuzz({ files, read: (file) => read(resealed(file)), check: checkArray, cases: 3000 }), 0.02));
});

const root = temporaryFolder('fuzz');
const write = (name: string, bytes: Uint8Array) => {
  writeFileSync(join(root, name), bytes);
  return join(root, name);
};

it('tar', async () => {
  write(
    'a.bin',
    Uint8Array.from({ length: 700 }, (_, i) => i & 255),
  );
  write('b.txt', bytes('names'));
  const { stdout } = spawnSync('tar', ['--format=ustar', '-cf', '-', '-C', root, 'a.bin', 'b.txt']);
  const wanted = { 'a.bin': 700, 'b.txt': 5 };
  const read = (file: Uint8Array) => extract('fuzz', write('archive.tar', file), root, wanted);
  const check = () => {
    for (const [name, size] of Object.entries(wanted)) expect(statSync(join(root, name)).size).toBe(size);
  };
  mixed(await fuzz({ files: [new Uint8Array(stdout)], read, check, cases: 500 }), 0.02);
});

it('CIFAR, binary', async () => {
  const records = Uint8Array.from({ length: 2 * 3074 }, (_, i) => i % 20);
  write('test.bin', records);
  const { refused, read } = await fuzz({
    files: [records],
    cases: 500,
    read: (bytes) => {
      write('train.bin', bytes);
      return cifar100(root);
    },
    check: ({ train }, bytes) => {
      expect(train.count).toBe(bytes.length / 3074);
      expect(Math.max(...train.y)).toBeLessThan(100);
    },
  });
  expect(Math.min(refused, read)).toBeGreaterThan(50);
});
