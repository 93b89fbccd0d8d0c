/** The little arithmetic on vectors that solvers need. Sums run in the order of the elements. */
import type { Vector } from './problem.js';

export function dot(a: Vector, b: Vector): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

export function norm(a: Vector): number {
  return Math.sqrt(dot(a, a));
}

/** y <- y + factor x. */
export function add(y: Vector, factor: number, x: Vector): void {
  for (let i = 0; i < y.length; i++) y[i]! += factor * x[i]!;
}

/** A new vector x + factor y. */
export function sum(x: Vector, factor: number, y: Vector): Vector {
  const result = new Float64Array(x.length);
  for (let i = 0; i < x.length; i++) result[i] = x[i]! + factor * y[i]!;
  return result;
}

/** A new vector factor x. */
export function scaled(x: Vector, factor: number): Vector {
  return x.map((value) => factor * value);
}

/** p <- r + beta p: the next direction of conjugate gradients. */
export function turn(p: Vector, r: Vector, beta: number): void {
  for (let i = 0; i < p.length; i++) p[i] = r[i]! + beta * p[i]!;
}

/** out <- a b, number by number. */
export function multiply(a: Vector, b: Vector, out: Vector): void {
  for (let i = 0; i < out.length; i++) out[i] = a[i]! * b[i]!;
}
