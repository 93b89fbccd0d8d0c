/** The axes of arrays in other orders. */

/**
 * For each value of a row-major array of this shape: `visit(to, from)`, its place where the axes stand in `order` (axis i of the result is axis
 * order[i]), and its place now.
 */
function eachPermuted(
  shape: readonly number[],
  order: readonly number[],
  visit: (to: number, from: number) => void,
): void {
  const strides = shape.map(() => 0);
  let count = 1;
  for (const axis of [...order].reverse()) {
    strides[axis] = count;
    count *= shape[axis]!;
  }
  const place = shape.map(() => 0);
  for (let from = 0, to = 0; from < count; from++) {
    visit(to, from);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      to += strides[axis]!;
      if (++place[axis]! < shape[axis]!) break;
      to -= strides[axis]! * shape[axis]!;
      place[axis] = 0;
    }
  }
}

/** The same for an array that lies column after column, as those of MATLAB and Fortran do: `to` is the place row after row. */
export function eachColumnMajor(shape: readonly number[], visit: (to: number, from: number) => void): void {
  const order = shape.map((_, axis) => shape.length - 1 - axis);
  eachPermuted([...shape].reverse(), order, visit);
}

/** A copy of a row-major array with its axes in another order: axis i of the result is axis order[i]. */
export function permuted<T extends Float32Array | Float64Array>(
  data: T,
  shape: readonly number[],
  order: readonly number[],
): T {
  const result = data.slice() as T;
  eachPermuted(shape, order, (to, from) => {
    result[to] = data[from]!;
  });
  return result;
}
