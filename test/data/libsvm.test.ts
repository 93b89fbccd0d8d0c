/** The reader of LIBSVM's format: what it takes, in which packings, and what it says about broken files. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { parseDecimal } from '../../lib/data/decimal.js';
import { readLibsvm } from '../../lib/data/libsvm.js';
import { LibsvmParser } from '../../lib/data/libsvm-parser.js';

import { RandomStream } from '../../lib/random.js';
import { temporaryFolder } from '../helpers/temporary.js';
import { packedByXz } from '../helpers/xz.js';

const dir = temporaryFolder('libsvm');
const file = (name: string, bytes: string | Uint8Array) => {
  writeFileSync(join(dir, name), bytes);
  return join(dir, name);
};
const bytes = (text: string) => new TextEncoder().encode(text);
const rowsOf = async (text: string) => {
  const { x, y } = await readLibsvm(bytes(text));
  return { y: [...y], starts: [...x.starts], indices: [...x.indices], values: [...x.values], columns: x.columns };
};

const TEXT = '+1 1:0.5 3:-2\n-1 2:1e-1\n';
describe('readLibsvm', () => {
  it('reads rows: columns count from 0, the label is as it stands', async () => {
    expect(await rowsOf(TEXT)).toEqual({
      y: [1, -1],
      starts: [0, 2, 3],
      indices: [0, 2, 1],
      values: [0.5, -2, 0.1],
      columns: 3,
    });
  });

  it('reads a path, a URL and bytes; plain, gzipped and by xz; and tells the file and the lines', async () => {
    const plain = file('plain', TEXT);
    const sources = [
      plain,
      pathToFileURL(plain),
      file('a.gz', gzipSync(TEXT)),
      file('named-as-it-likes', packedByXz),
      packedByXz,
    ];
    for (const source of sources) {
      const { x, y, source: name, lines } = await readLibsvm(source);
      expect([[...y], [...x.values], [...lines!]]).toEqual([
        [1, -1],
        [0.5, -2, 0.1],
        [1, 2],
      ]);
      expect(name).toBe(source instanceof Uint8Array ? `Buffer(${source.length})` : String(source));
    }
  });

  it('passes over blank lines, comments, blanks at the ends, carriage returns and values of 0', async () => {
    const text = '# made by hand\n\n  3 1:1 2:0 5:0 # five columns, one value\r\n\t\r\n-0\n4\t2:-0\t4:2';
    expect(await rowsOf(text)).toEqual({
      y: [3, 0, 4],
      starts: [0, 1, 1, 2],
      indices: [0, 3],
      values: [1, 2],
      columns: 5,
    });
    expect([...(await readLibsvm(bytes(text))).lines!]).toEqual([3, 5, 6]);
  });

  it('takes the number of features that it is told', async () => {
    expect((await readLibsvm(bytes(TEXT), { features: 7 })).x.columns).toBe(7);
  });

  it('gives the same rows wherever the file is cut into pieces', async () => {
    const whole = bytes('1 1:0.25 22:1e3 # a comment\n-12.5 3:7\n\n2 4:5');
    const expected = await readLibsvm(whole);
    for (let size = 1; size < 12; size++) {
      const parser = new LibsvmParser(expected.source!);
      for (let at = 0; at < whole.length; at += size) parser.push(whole.subarray(at, at + size));
      expect(parser.end()).toEqual(expected);
    }
  });

  const broken: [string, string, number, RegExp][] = [
    ['no rows', '# nothing\n', 1, /expected rows but the file has none/],
    ['a label that is no number', '1 1:1\nspam 1:1\n', 2, /expected a number as the label but received "spam"/],
    ['a label NaN', 'nan 1:1\n', 1, /a number as the label but received "nan"/],
    ['several labels', '1,2 1:1\n', 1, /a number as the label but received "1,2"/],
    ['no colon', '1 1:1 2\n', 1, /expected index:value but received "2"/],
    ['no value', '1 1:\n', 1, /a finite number after the colon but received "1:"/],
    ['no index', '1 :1\n', 1, /expected index:value but received ":1"/],
    ['a name in place of an index', '1 qid:1 1:1\n', 1, /expected index:value but received "qid:1"/],
    ['a value NaN', '1 1:1\n1 1:nan\n', 2, /a finite number after the colon but received "1:nan"/],
    ['an infinite value', '1 1:inf\n', 1, /a finite number after the colon but received "1:inf"/],
    ['a value beyond float64', '1 1:1e999\n', 1, /a finite number after the colon but received "1:1e999"/],
    ['a hexadecimal value', '1 1:0x10\n', 1, /a finite number after the colon but received "1:0x10"/],
    ['an index 0', '1 0:1\n', 1, /expected an index from 1 to 2147483647 but received "0:1"/],
    ['a negative index', '1 -1:1\n', 1, /expected index:value but received "-1:1"/],
    ['an index beyond 32 bits', '1 4294967297:1\n', 1, /expected an index from 1 to 2147483647/],
    ['a repeated index', '1 2:1 2:3\n', 1, /index 2 is repeated/],
    ['an index repeated after a value of 0', '1 2:0 2:3\n', 1, /index 2 is repeated/],
    ['unsorted indices', '\n1 1:1 5:1 3:1\n', 2, /expected rising indices but 3 comes after 5: the row is not sorted/],
    ['a row longer than declared', '1 1:1 9:1\n1 10:1\n', 2, /expected at most 9 features but .* one with index 10/],
    ['an endless token', `1 ${'9'.repeat(5000)}`, 1, /expected index:value but received "9{40}"\.\.\./],
    ['bytes that are no text', '\0\x01\xff 1:1', 1, /a number as the label but received/],
  ];
  it.each(broken)('says what is wrong, in which file and line: %s', async (name, text, line, message) => {
    const path = file(name.replaceAll(' ', '-'), Buffer.from(text, 'latin1'));
    const error = await readLibsvm(path, { features: 9 + 1e6 * Number(!name.includes('declared')) }).catch((e) => e);
    expect(error).toMatchObject({ name: 'SteepestError', code: 'ERR_FORMAT', file: path, line });
    expect(error.message).toMatch(message);
    expect(error.message).toContain(`readLibsvm: ${path}: line ${line}: `);
  });

  it('says that a packed stream is cut or corrupt', async () => {
    const gz = gzipSync(TEXT.repeat(100));
    const damaged = Uint8Array.from(packedByXz, (byte, i) => (i === 30 ? byte ^ 4 : byte));
    for (const [kind, source] of [
      ['gzip', gz.subarray(0, 40)],
      ['xz', packedByXz.subarray(0, 50)],
      ['xz', packedByXz.subarray(0, 7)],
      ['xz', damaged],
    ] as const)
      await expect(readLibsvm(source)).rejects.toMatchObject({
        code: 'ERR_FORMAT',
        message: expect.stringContaining(`expected a whole ${kind} stream but received a broken one`),
      });
    expect((await readLibsvm(packedByXz)).y.length).toBe(2); // a broken stream does not stop the next
  });

  it('passes on why a file cannot be read', async () => {
    await expect(readLibsvm(join(dir, 'missing'))).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(readLibsvm(dir)).rejects.toMatchObject({ code: 'EISDIR' });
  });

  it('checks its arguments', async () => {
    await expect(readLibsvm(7 as never)).rejects.toThrow(/readLibsvm: expected a path, a file URL or a Uint8Array/);
    await expect(readLibsvm(bytes(TEXT), { feature: 3 } as never)).rejects.toThrow(/did you mean 'features'/);
    await expect(readLibsvm(bytes(TEXT), { features: 0 })).rejects.toThrow(/a positive integer|an integer in \[1/);
    await expect(readLibsvm(bytes(TEXT), { signal: {} as never })).rejects.toThrow(
      /expected an AbortSignal for signal/,
    );
  });

  it('ends when it is told to', async () => {
    const reason = new Error('enough');
    await expect(readLibsvm(bytes(TEXT), { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });
});

describe('parseDecimal', () => {
  it.each([
    '0',
    '+1',
    '-0.5',
    '.5',
    '5.',
    '1e22',
    '1e-22',
    '123456789012345678901234567890',
    '4.9e-324',
    '1.7976931348623157e308',
  ])('reads %s as Number does', (text) => expect(parseDecimal(bytes(text), 0, text.length)).toBe(Number(text)));

  it('rounds as Number does', () => {
    const random = new RandomStream(5, 0);
    const texts = Array.from({ length: 3000 }, () =>
      (random.uniform() * 10 ** (random.below(40) - 20)).toPrecision(1 + random.below(17)),
    );
    expect(texts.filter((text) => parseDecimal(bytes(text), 0, text.length) !== Number(text))).toEqual([]);
  });

  it.each(['', '+', '-', '.', 'e5', '1e', '1e+', '1.2.3', '1x', '--1', ' 1', '1_0', 'Infinity', '0b1'])(
    'refuses %j',
    (text) => expect(parseDecimal(bytes(text), 0, text.length)).toBeNaN(),
  );
});
