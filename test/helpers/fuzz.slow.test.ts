/** The fuzzer itself: it finds what it is there to find. */
import { describe, expect, it } from 'vitest';
import { SteepestError } from '../../lib/errors.js';
import { fuzz } from './fuzz.js';

const files = [Uint8Array.from({ length: 64 }, (_, i) => i)];
const refuse = () => {
  throw new SteepestError('ERR_FORMAT', 'no');
};

describe('fuzz', () => {
  it('counts what was read and refused, the same each time', async () => {
    const seen: string[] = [];
    const read = (bytes: Uint8Array) => {
      seen.push(Buffer.from(bytes).toString('hex'));
      return bytes.length === 64 ? bytes : refuse();
    };
    const first = await fuzz({ files, read, cases: 300 });
    expect(await fuzz({ files, read, cases: 300 })).toEqual(first);
    expect(first.refused + first.read).toBe(300);
    expect(Math.min(first.refused, first.read)).toBeGreaterThan(50);
    expect(seen.slice(300)).toEqual(seen.slice(0, 300));
    expect(new Set(seen).size).toBeGreaterThan(250);
    await fuzz({ files, read, only: 7 });
    expect(seen[600]).toBe(seen[7]);
  });

  it('names the case where a reader throws something else, misreads, or takes memory or time', async () => {
    const failing = (read: (bytes: Uint8Array) => unknown, more = {}) =>
      expect(fuzz({ files, read, cases: 300, ...more })).rejects;
    const view = (bytes: Uint8Array) => new DataView(bytes.buffer).getUint8(63) >= 0;
    await failing(view).toThrow(/^case \d+, \d+ bytes \(base64: [\w+/=]+\): threw RangeError/);
    await failing((bytes) => bytes, { check: (bytes: Uint8Array) => expect(bytes).toHaveLength(64) }).toThrow(
      /case \d+.*64/s,
    );
    await failing((bytes) => new Uint8Array(bytes[0] === 0 ? 0 : 2e8)).toThrow(/case \d+.*took \d+ bytes of memory/);
    const slow = (bytes: Uint8Array) => {
      for (const end = process.cpuUsage().user + 4e4; bytes[0] !== 0 && process.cpuUsage().user < end; ) {}
    };
    await failing(slow, { seconds: 0.02 }).toThrow(/case \d+.*of processor time/);
  });

  it('damages the words of a text', async () => {
    const text = new Uint8Array(Buffer.from('{"one": [1, 2, 3], "two": "three"}'));
    const words = new Set<string>();
    const read = (bytes: Uint8Array) => {
      for (const [word] of Buffer.from(bytes).toString('latin1').matchAll(/\w+/g)) words.add(word);
    };
    await fuzz({ files: [text], read, tokens: ['seven', 'eight'], cases: 300 });
    expect([...words]).toEqual(expect.arrayContaining(['one', 'three', 'seven', 'eight', '2147483648', 'NaN']));
  });
});
