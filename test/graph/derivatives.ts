/**
 * The derivative rules of an op, checked in float64 on the reference: its vjp against central differences (gradCheck), its jvp against
 * the difference quotient along a direction, and both against each other by <u, J v> = <J'u, v>. The rules of the backward ops are
 * checked the same way, as derivatives of the first derivative.
 */
import { expect } from 'vitest';
import { grad, vjp } from '../../lib/graph/grad.js';
import { jvp } from '../../lib/graph/jvp.js';
import { mul } from '../../lib/graph/ops/mul.js';
import { sum } from '../../lib/graph/ops/sum.js';
import { elements, input, type Shape, type Tensor } from '../../lib/graph/tensor.js';
import { compute, type Feeds } from '../../lib/plan/compute.js';
import { gradCheck } from '../../lib/plan/grad-check.js';
import { uniform } from '../../lib/random.js';

export const BATCH = 3;
let stream = 0;

/** Numbers in [-1, 1), others at each call of one run, the same in every run. */
export function draw(count: number): Float64Array {
  stream++;
  return Float64Array.from({ length: count }, (_, i) => 2 * uniform(11, stream, 0, i) - 1);
}

export function drawFor({ shape }: Tensor): Float64Array {
  const { fixed, perImage } = elements(shape);
  return draw(fixed + perImage * BATCH);
}

export interface Case {
  readonly name: string;
  /** Shapes of the real inputs that derivatives are taken by. */
  readonly shapes: readonly Shape[];
  readonly build: (...inputs: Tensor[]) => Tensor;
  /** More inputs and their values, and values instead of the drawn ones. */
  readonly feeds?: Feeds;
  readonly values?: readonly (ArrayLike<number> | undefined)[];
  /** Check the second derivatives too (default), or none. */
  readonly second?: boolean;
  /** Kinks that gradCheck may leave out. Default 0. */
  readonly kinks?: number;
}

/** Runs all checks of a case. */
export async function checkDerivatives({ shapes, build, feeds = [], values = [], second = true, kinks = 0 }: Case) {
  const x = shapes.map((shape, i) => input(`x${i}`, shape));
  const at = new Map(feeds);
  for (const [i, t] of x.entries()) at.set(t, values[i] ?? drawFor(t));
  const y = build(...x);
  await checkFirst(y, x, at, kinks);
  if (!second) return;
  const u = input('u', y.shape);
  at.set(u, drawFor(u));
  for (const dx of vjp([y], [u], x)) await checkFirst(dx, [...x, u], at, kinks);
}

async function checkFirst(y: Tensor, x: readonly Tensor[], at: Map<Tensor, ArrayLike<number> | number>, kinks: number) {
  const u = input('u', y.shape);
  const v = x.map((t) => input('v', t.shape));
  const feeds = new Map(at);
  for (const t of [u, ...v]) feeds.set(t, drawFor(t));

  const check = await gradCheck(sum(mul(y, u)), x, feeds);
  expect(check.worst?.relativeError, JSON.stringify(check)).toBeLessThan(1e-5);
  expect(check.ok, JSON.stringify(check)).toBe(true);
  expect(check.kinks, 'kinks').toBeLessThanOrEqual(kinks);

  const [tangent] = jvp(
    [y],
    x.map((t, i) => [t, v[i]!] as const),
  );
  const [jv, ...back] = (await compute([tangent!, ...vjp([y], [u], x)], feeds)) as [Float64Array, ...Float64Array[]];
  const values = (t: Tensor) => feeds.get(t) as Float64Array;
  const forward = dot(values(u), jv);
  const backward = back.reduce((total, g, i) => total + dot(g, values(v[i]!)), 0);
  expect(Math.abs(forward - backward)).toBeLessThan(1e-11 * Math.max(1, Math.abs(forward)));

  const h = 1e-6;
  const moved = async (step: number) => {
    const there = new Map(feeds);
    for (const [i, t] of x.entries())
      there.set(
        t,
        values(t).map((value, e) => value + step * values(v[i]!)[e]!),
      );
    return (await compute([y], there))[0]!;
  };
  const [plus, minus] = [await moved(h), await moved(-h)];
  if (kinks === 0) for (const [i, d] of jv.entries()) expect(d).toBeCloseTo((plus[i]! - minus[i]!) / (2 * h), 6);
}

export function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length);
  let total = 0;
  for (let i = 0; i < a.length; i++) total += a[i]! * b[i]!;
  return total;
}

/** The gradient of the sum of y by x at the given values. */
export async function gradientOf(y: Tensor, x: Tensor, feeds: Feeds): Promise<number[]> {
  const [g] = await compute(grad(sum(y), [x]), feeds);
  return [...g!];
}
