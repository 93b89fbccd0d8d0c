/** Typed arrays for values whose number is not known before: each copy has room for as many again. */

/** A copy with room for `length` values, and for more to come. */
export function grown<T extends Int32Array | Float64Array>(
  from: T,
  length: number,
  make: new (length: number) => T,
): T {
  const copy = new make(Math.max(length, 2 * from.length));
  copy.set(from);
  return copy;
}

/** The first values; a copy, unless that would cost more than the rest of the memory is worth. */
export function cut<T extends Int32Array | Float64Array>(from: T, length: number): T {
  return (length > 0.6 * from.length ? from.subarray(0, length) : from.slice(0, length)) as T;
}
