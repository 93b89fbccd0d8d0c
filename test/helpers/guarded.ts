/** Typed arrays that stand between guard bytes, at any alignment: a write outside them shows. */
import type { TypedArray } from '../../lib/backends/backend.js';

const GUARD_BYTES = 128;
/** Under AddressSanitizer (tools/sanitize.mjs) an array ends where its memory does, so that reads behind it show as well. */
const BEHIND = process.env.STEEPEST_ASAN === '1' ? 0 : GUARD_BYTES;
const GUARD = 0xa5;

type Constructor = {
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBuffer, byteOffset: number, length: number): TypedArray;
};

export interface Guarded {
  readonly array: TypedArray;
  /** Whether all bytes around the array are as they were. */
  intact(): boolean;
}

/** A copy of `values` that starts `shift` elements behind a multiple of 64 bytes, with guard bytes on both sides. */
export function guarded(values: TypedArray, shift = 0): Guarded {
  const type = values.constructor as unknown as Constructor;
  const start = GUARD_BYTES + shift * type.BYTES_PER_ELEMENT;
  const end = start + values.byteLength;
  const bytes = new Uint8Array(end + BEHIND).fill(GUARD);
  const array = new type(bytes.buffer, start, values.length);
  array.set(values);
  const intact = () => {
    for (let i = 0; i < bytes.length; i++) {
      if (i === start) i = end;
      if (i < bytes.length && bytes[i] !== GUARD) return false;
    }
    return true;
  };
  return { array, intact };
}
