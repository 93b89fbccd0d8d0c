/** Short loops over vectors. */

export function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let j = 0; j < a.length; j++) sum += a[j]! * b[j]!;
  return sum;
}

/** to = to + factor from. */
export function addScaled(to: Float64Array, from: Float64Array, factor: number): void {
  for (let j = 0; j < to.length; j++) to[j]! += factor * from[j]!;
}

/** p = r + beta p: the next direction of conjugate gradients. */
export function turn(p: Float64Array, r: Float64Array, beta: number): void {
  for (let j = 0; j < p.length; j++) p[j] = r[j]! + beta * p[j]!;
}

/** out = a b, number by number. */
export function multiply(a: Float64Array, b: Float64Array, out: Float64Array): void {
  for (let j = 0; j < out.length; j++) out[j] = a[j]! * b[j]!;
}
