/** Arrays that lie column after column, as those of MATLAB and Fortran do. */

/** For each value of an array of this shape: `visit(to, from)`, its place with the last dimension running fastest, and with the first. */
export function eachColumnMajor(shape: readonly number[], visit: (to: number, from: number) => void): void {
  const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((product, size) => product * size, 1));
  const place = shape.map(() => 0);
  const count = shape.reduce((product, size) => product * size, 1);
  for (let from = 0, to = 0; from < count; from++) {
    visit(to, from);
    for (let axis = 0; axis < shape.length; axis++) {
      to += strides[axis]!;
      if (++place[axis]! < shape[axis]!) break;
      to -= strides[axis]! * shape[axis]!;
      place[axis] = 0;
    }
  }
}
