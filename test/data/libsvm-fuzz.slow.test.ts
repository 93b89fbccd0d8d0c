/** Thousands of damaged files: the reader gives a typed error with the line, or the rows that another reader, line by line, sees too. */
import { describe, expect, it } from 'vitest';
import { LibsvmParser } from '../../lib/data/libsvm-parser.js';
import { SteepestError } from '../../lib/errors.js';
import { RandomStream } from '../../lib/random.js';

const FILES = 3000;
const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

interface Rows {
  readonly labels: number[];
  readonly rows: [number, number][][];
}

const finite = (text: string) => (NUMBER.test(text) && Number.isFinite(Number(text)) ? Number(text) : undefined);

/** The format once more, by regular expressions: the rows, or the first line that is wrong. */
function expected(text: string, features: number | undefined): Rows | number {
  const [labels, rows]: [number[], [number, number][][]] = [[], []];
  for (const [at, line] of text.split('\n').entries()) {
    const [head, ...tokens] = line
      .replace(/#.*$/s, '')
      .split(/[ \t\v\f\r]+/)
      .filter((token) => token !== '');
    if (head === undefined) continue;
    const label = finite(head);
    if (label === undefined) return at + 1;
    let last = 0;
    const row: [number, number][] = [];
    for (const token of tokens) {
      const [, digits, number] = /^(\d+):(.*)$/s.exec(token) ?? [];
      const value = number === undefined ? undefined : finite(number);
      const index = Number(digits);
      if (value === undefined || index <= last || index > (features ?? 2 ** 31 - 1)) return at + 1;
      last = index;
      if (value !== 0) row.push([index - 1, value]);
    }
    labels.push(label);
    rows.push(row);
  }
  return rows.length === 0 ? 1 : { labels, rows };
}

function healthy(random: RandomStream): string {
  const lines = Array.from({ length: 1 + random.below(8) }, () => {
    let index = 0;
    const features = Array.from({ length: random.below(6) }, () => {
      index += 1 + random.below(5);
      return `${index}:${random.normal().toPrecision(1 + random.below(6))}`;
    });
    return [random.below(2) === 0 ? '+1' : '-1', ...features].join(' ') + (random.below(4) === 0 ? ' ' : '');
  });
  return lines.join('\n') + (random.below(2) === 0 ? '\n' : '');
}

const JUNK = [
  '\n',
  ' ',
  ':',
  '#',
  '\r',
  '\t',
  '-',
  '+',
  '.',
  'e',
  'E',
  '0',
  '9',
  '1:1',
  ' 3:4',
  'nan',
  'inf',
  '\0',
  'ÿ',
];

function damaged(text: string, random: RandomStream): string {
  let out = text;
  for (let times = 1 + random.below(2); times > 0; times--) {
    const at = random.below(out.length + 1);
    const length = random.below(4);
    const kind = random.below(4);
    if (kind === 0)
      out = out.slice(0, at) + out.slice(at + length); // cut out
    else if (kind === 1)
      out = out.slice(0, at) + JUNK[random.below(JUNK.length)]! + out.slice(at); // put in
    else if (kind === 2)
      out = out.slice(0, at) + JUNK[random.below(JUNK.length)]! + out.slice(at + 1); // replace
    else out = out.slice(0, at) + out.slice(at - Math.min(at, 12), at + length) + out.slice(at); // repeat
  }
  return out;
}

/** The file whole, or in pieces of random sizes. */
function read(text: string, features: number | undefined, random: RandomStream): Rows {
  const bytes = Buffer.from(text, 'latin1');
  const parser = new LibsvmParser('a file', features);
  const most = random.below(2) === 0 ? 20 : 1000;
  for (let at = 0; at < bytes.length; ) {
    const end = at + 1 + random.below(most);
    parser.push(bytes.subarray(at, end));
    at = end;
  }
  const { x, y } = parser.end();
  const row = (i: number) =>
    Array.from({ length: x.starts[i + 1]! - x.starts[i]! }, (_, k): [number, number] => [
      x.indices[x.starts[i]! + k]!,
      x.values[x.starts[i]! + k]!,
    ]);
  return { labels: [...y], rows: Array.from(y, (_, i) => row(i)) };
}

describe('the reader of libsvm files', () => {
  it(`reads ${FILES} damaged files right or says in which line they are wrong`, () => {
    const random = new RandomStream(7, 0);
    let [errors, good] = [0, 0];
    for (let n = 0; n < FILES; n++) {
      const text = damaged(healthy(random), random);
      const features = random.below(2) === 0 ? undefined : 20;
      const wanted = expected(text, features);
      let got: Rows | number;
      try {
        got = read(text, features, random);
        good++;
      } catch (error) {
        if (!(error instanceof SteepestError)) throw new Error(`${JSON.stringify(text)}: ${error}`);
        const { code, message, line } = error as SteepestError & { line: number };
        const typed = code === 'ERR_FORMAT' && message.startsWith(`readLibsvm: a file: line ${line}: `);
        got = typed ? line : -1;
        errors++;
      }
      if (JSON.stringify(got) !== JSON.stringify(wanted)) expect([text, got]).toEqual([text, wanted]);
    }
    // The damage is neither always fatal nor never.
    expect(errors).toBeGreaterThan(FILES / 5);
    expect(good).toBeGreaterThan(FILES / 5);
  });
});
