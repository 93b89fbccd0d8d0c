/** Files of comma-separated values: quotes, headers, labels, and the line of every mistake. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { type CsvOptions, readCsv } from '../../lib/data/csv.js';
import { CsvParser } from '../../lib/data/csv-parser.js';
import { dense } from '../../lib/layers/dense.js';
import { sequential } from '../../lib/train/model.js';
import { temporaryFolder } from '../helpers/temporary.js';

const bytes = (text: string) => new Uint8Array(Buffer.from(text));
const dir = temporaryFolder('csv');

const iris = `"sepal length",petal,species
5.1,1.4,setosa
7,4.7,versicolor

6.3,-6e0,virginica
4.9,1.4,setosa
`;

describe('readCsv', () => {
  it('reads numbers, and classes by name', async () => {
    expect(await readCsv(bytes(iris), { label: 'species' })).toEqual({
      x: Float64Array.of(5.1, 1.4, 7, 4.7, 6.3, -6, 4.9, 1.4),
      y: Int32Array.of(0, 1, 2, 0),
      count: 4,
      shape: [2],
      columns: ['sepal length', 'petal'],
      classes: 3,
      classNames: ['setosa', 'versicolor', 'virginica'],
    });
  });

  it('orders the classes by their names, whatever comes first', async () => {
    const { y, classNames } = await readCsv(bytes('a,b\n1,z\n2,é\n3,a\n4,z'), { label: -1 });
    expect([[...y], classNames]).toEqual([
      [1, 2, 0, 1],
      ['a', 'z', 'é'],
    ]);
  });

  it('reads a file, plain or packed', async () => {
    const expected = await readCsv(bytes(iris), { label: -1 });
    for (const [name, packed] of Object.entries({ 'a.csv': bytes(iris), 'b.csv.gz': gzipSync(iris) })) {
      writeFileSync(join(dir, name), packed);
      expect(await readCsv(join(dir, name), { label: -1 })).toEqual(expected);
    }
    await expect(readCsv(join(dir, 'none'))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  const table: [string, string, CsvOptions, number[], (number[] | undefined)?, string[]?][] = [
    ['no label', 'a,b\n1,2\n3,4', {}, [1, 2, 3, 4], undefined, ['a', 'b']],
    ['no names', '1,2\n3,4\n', { header: false, label: 0 }, [2, 4], [1, 3], ['1']],
    ['numbers as names', '0,1\n3,4\n', { header: true, label: '1' }, [3], [4], ['0']],
    ['other numbers as labels', 'a,b\n1,2\n3,4.5', { label: 'b' }, [1, 3], [2, 4.5]],
    [
      'columns by name and number',
      'a,b,c\n1,2,3\n4,5,6',
      { columns: ['c', 0], label: 1 },
      [3, 1, 6, 4],
      [2, 5],
      ['c', 'a'],
    ],
    ['text that is left out', 'id,a\n"x, y",1\n"",2\n', { columns: ['a'] }, [1, 2]],
    ['quotes', '"a ""b""",c\n"1", "2" \r\n"3",4', { label: 'a "b"' }, [2, 4], [1, 3]],
    ['a name over two lines', '"a\nb",c\n1,2', { label: 'a\nb' }, [2], [1]],
    ['blanks and CRLF', ' a , b\r\n 1 ,\t2 \r\n\r\n', {}, [1, 2], undefined, ['a', 'b']],
    ['a byte-order mark', '\ufeffa,b\n1,2', { label: 'a' }, [2], [1]],
    ['tabs', 'a\tb\n1\t2', { separator: '\t' }, [1, 2]],
    ['semicolons', 'a;b\n1;2', { separator: ';' }, [1, 2]],
  ];
  it.each(table)('reads %s, wherever its pieces are cut', async (_, text, options, x, y, columns) => {
    const read = await readCsv(bytes(text), options);
    expect([...read.x]).toEqual(x);
    expect('y' in read ? [...(read.y as Int32Array)] : undefined).toEqual(y);
    if (columns) expect(read.columns).toEqual(columns);
    const { header, label, columns: wanted, separator = ',' } = options;
    for (let size = 1; size < 5; size++) {
      const parser = new CsvParser('cut', { header, label, columns: wanted, separator });
      const file = bytes(text);
      for (let at = 0; at < file.length; at += size) parser.push(file.subarray(at, at + size));
      expect([...parser.end().values]).toEqual(x);
    }
  });

  const broken: [string, string, CsvOptions, number, RegExp][] = [
    ['an empty field', 'a,b\n1,2\n3,\n', {}, 3, /a finite number in column "b" but received an empty field/],
    ['text', 'a,b\n1,x', {}, 2, /a finite number in column "b" but received "x"/],
    ['NaN', 'a,b\n\n1,2\nnan,2', {}, 4, /in column "a" but received "nan"/],
    ['infinity', 'a\n1e999', {}, 2, /received "1e999"/],
    ['a row too short', 'a,b\n1,2\n3\n', {}, 3, /expected 2 fields, as line 1 has, but received 1/],
    ['a row too long', 'a,b\n1,2,\n', {}, 2, /expected 2 fields, as line 1 has, but received 3/],
    ['text among labels', 'a,b\n1,2\n3,x', { label: 'b' }, 3, /a finite number in column "b" but received "x"/],
    [
      'a class without a name',
      'a,b\n1,x\n3,""',
      { label: 'b' },
      3,
      /a class in column "b" but received an empty field/,
    ],
    ['a label that is no number', 'a,b\n1,NaN\n3,2', { label: 'b' }, 2, /a class in column "b" but received "NaN"/],
    ['names that are numbers', '1,2\n3,4', {}, 1, /names of columns but received the number 1: give header: false/],
    ['no such column', 'a,b\n1,2', { label: 'c' }, 1, /expected a column "c" for label but found "a", "b"/],
    ['no names', '1,2', { header: false, label: 'c' }, 1, /expected a column "c" for label but found no names/],
    ['two of a name', 'a,a\n1,2', { label: 'a' }, 1, /expected one column "a" for label but there are more/],
    ['no such number', 'a,b\n1,2', { columns: [2] }, 1, /expected column 2 for columns but there are 2/],
    ['nothing but the label', 'a\n1', { label: 'a' }, 1, /expected columns beside the label/],
    ['the label among the columns', 'a,b\n1,2', { label: 'a', columns: ['a'] }, 1, /columns without the label/],
    ['a quote that is not closed', 'a,b\n1,2\n"3,4\n5,6\n', {}, 3, /expected a closing quote but the file ends/],
    ['text after a quote', 'a,b\n"1"2,3', {}, 2, /a separator after the closing quote but received "2,3"/],
    ['no rows', 'a,b\n', {}, 2, /expected rows but the file has none/],
    ['an empty file', '', {}, 1, /expected rows but the file has none/],
  ];
  it.each(broken)('tells the line: %s', async (_, text, options, line, message) => {
    const error = await readCsv(bytes(text), options).catch((e) => e);
    expect(error).toMatchObject({ code: 'ERR_FORMAT', file: expect.stringMatching(/^Uint8Array\(/), line });
    expect(error.message).toMatch(message);
    expect(error.message).toContain(`readCsv: Uint8Array(${bytes(text).length}): line ${line}: `);
  });

  it('ends soon where a quote is not closed', () => {
    const text = bytes(`a,b\n1,2\n"${'x,y\n'.repeat(1_200_000)}`);
    const parser = new CsvParser('t', { header: true, label: undefined, columns: undefined, separator: ',' });
    const read = () => {
      for (let at = 0; at < text.length; at += 2 ** 20) parser.push(text.subarray(at, at + 2 ** 20));
    };
    expect(read).toThrow(/line 3: expected a record of at most 4194304 bytes; is there a quote/);
  });

  it('refuses wrong options, and stops at the signal', async () => {
    await expect(readCsv(3 as never)).rejects.toThrow(TypeError);
    for (const options of [{ header: 1 }, { label: 0.5 }, { columns: 'a' }, { columns: [{}] }, { lable: 'a' }])
      await expect(readCsv(bytes(iris), options as never)).rejects.toThrow(TypeError);
    await expect(readCsv(bytes(iris), { separator: ' ' as never })).rejects.toThrow(RangeError);
    const reason = new Error('enough');
    await expect(readCsv(bytes(iris), { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });

  it('gives a data set', async () => {
    const model = sequential({ inputShape: [2], device: 'reference' }, [dense({ units: 3 })]);
    const { accuracy } = await model.evaluate(await readCsv(bytes(iris), { label: 'species' }));
    expect(accuracy).toBeGreaterThanOrEqual(0);
    model.dispose();
  });
});
