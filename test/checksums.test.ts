import { expect, test } from 'vitest';
import { crc32, crc32c } from '../lib/checksums.js';

test('the check values of both polynomials', () => {
  const digits = Buffer.from('123456789');
  expect(crc32(digits)).toBe(0xcbf43926);
  expect(crc32c(digits)).toBe(0xe3069283);
  expect([crc32(new Uint8Array()), crc32c(new Uint8Array())]).toEqual([0, 0]);
  expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa); // RFC 3720, B.4
  expect(crc32c(new Uint8Array(32).fill(0xff))).toBe(0x62a8ab43);
});
