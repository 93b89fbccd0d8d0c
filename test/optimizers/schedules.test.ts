import { describe, expect, it } from 'vitest';
import {
  constant,
  cosine,
  inverseSqrt,
  inverseTime,
  oneCycle,
  type Schedule,
  scheduleFrom,
  step,
} from '../../lib/optimizers/schedules.js';

const at = (schedule: Schedule, ...times: number[]) => times.map((t) => schedule.at(t));

describe('schedules', () => {
  it('constant', () => {
    expect(at(constant(0.5), 0, 1, 1e6)).toEqual([0.5, 0.5, 0.5]);
  });

  it('inverseTime: lr / (1 + decay t)', () => {
    expect(at(inverseTime(0.5, 0.25), 0, 4, 12)).toEqual([0.5, 0.25, 0.125]);
  });

  it('inverseSqrt: lr / sqrt(t + 1)', () => {
    expect(at(inverseSqrt(1), 0, 3, 99)).toEqual([1, 0.5, 0.1]);
  });

  it('step: a factor every so many updates', () => {
    expect(at(step(8, { every: 3, factor: 0.5 }), 0, 2, 3, 5, 6, 9)).toEqual([8, 8, 4, 4, 2, 1]);
    expect(step(1, { every: 1 }).at(2)).toBeCloseTo(0.01, 12);
  });

  it('cosine: up over the warm-up, down to the minimum, and there it stays', () => {
    const schedule = cosine(1, { steps: 14, warmup: 4, minimum: 0.2 });
    expect(at(schedule, 0, 1, 2, 3)).toEqual([0.25, 0.5, 0.75, 1]);
    expect(schedule.at(4)).toBe(1);
    expect(schedule.at(9)).toBeCloseTo(0.6, 12); // half way: the middle of 1 and 0.2
    expect(schedule.at(13)).toBeCloseTo(0.2 + 0.4 * (1 + Math.cos(0.9 * Math.PI)), 12);
    expect(at(schedule, 14, 1000)).toEqual([0.2, 0.2]);
    expect(at(cosine(1, { steps: 2 }), 0, 2)).toEqual([1, 0]);
    expect(at(cosine(1, { steps: 4, warmup: 4 }), 0, 3, 4)).toEqual([0.25, 1, 0]);
  });

  it('oneCycle: the rates of PyTorch 2.13, OneCycleLR(optimizer, 0.01, total_steps, cycle_momentum=False)', () => {
    const expectRates = (schedule: Schedule, rates: Readonly<Record<number, number>>) => {
      for (const [t, value] of Object.entries(rates)) expect(schedule.at(Number(t)) / value).toBeCloseTo(1, 10);
    };
    expectRates(oneCycle(0.01, { steps: 10 }), {
      ...[0.0003999999999999993, 0.0052, 0.01, 0.009504846320134737, 0.008117456539497631, 0.0061126202193628925],
      ...{ 6: 0.003887419780637108, 7: 0.00188258346050237, 8: 0.0004951936798652628, 9: 4e-8, 10: 4e-8, 99: 4e-8 },
    });
    expectRates(oneCycle(0.01, { steps: 7, pctStart: 0.5, divFactor: 10, finalDivFactor: 100 }), {
      ...[0.0009999999999999992, 0.004109423525312736, 0.009140576474687263, 0.009505339495172583],
      ...{ 4: 0.00611649206511179, 5: 0.0018906684397156264, 6: 1e-5 },
    });
    expectRates(oneCycle(0.01, { steps: 235 }), {
      ...{ 0: 4e-4, 1: 0.0004049030624798597, 69: 0.009998774077829497, 70: 0.009999772048255069 },
      ...{ 71: 0.009997948559003024, 150: 0.005167094216738833, 233: 9.517861948397653e-7, 234: 4e-8 },
    });
    expect(oneCycle(1, { steps: 2 }).at(0)).toBe(1); // no update before the peak
  });

  it('come from numbers, schedules and JSON', () => {
    expect(scheduleFrom('sgd', 0.1).at(7)).toBe(0.1);
    for (const schedule of [
      constant(1),
      inverseTime(1, 0.5),
      inverseSqrt(2),
      step(1, { every: 2 }),
      cosine(1, { steps: 9 }),
      oneCycle(1, { steps: 9, divFactor: 5 }),
    ]) {
      expect(scheduleFrom('sgd', schedule)).toBe(schedule);
      const { name, options } = schedule;
      const again = scheduleFrom('sgd', JSON.parse(JSON.stringify({ name, options })));
      expect(at(again, 0, 1, 5, 20)).toEqual(at(schedule, 0, 1, 5, 20));
      expect([again.name, again.options]).toEqual([name, options]);
    }
  });

  it.each([
    [() => constant(-1), RangeError, /^constant: .*learningRate.*-1/],
    [() => constant(Number.NaN), RangeError, /NaN/],
    [() => inverseSqrt('1' as never), TypeError, /^inverseSqrt: .*"1"/],
    [() => inverseTime(1, -2), RangeError, /decay.*-2/],
    [() => step(1, undefined as never), TypeError, /^step: .*options/],
    [() => step(1, { every: 0 }), RangeError, /every.*0/],
    [() => step(1, { evry: 2 } as never), TypeError, /'evry'.*'every'/],
    [() => cosine(1, { steps: 4, warmup: 5 }), RangeError, /warmup.*5/],
    [() => cosine(1, { steps: 4, minimum: 2 }), RangeError, /minimum.*2/],
    [() => oneCycle(1, { steps: 1 }), RangeError, /^oneCycle: .*steps.*1/],
    [() => oneCycle(1, { steps: 9, pctStart: 1 }), RangeError, /pctStart.*1/],
    [() => oneCycle(1, { steps: 9, divFactor: 0 }), RangeError, /divFactor.*0/],
    [() => oneCycle(1, { steps: 9, finalDivFactor: Number.NaN }), RangeError, /finalDivFactor.*NaN/],
    [() => scheduleFrom('adam', '0.1' as never), TypeError, /^adam: .*learningRate.*"0.1"/],
    [() => scheduleFrom('adam', Number.POSITIVE_INFINITY), RangeError, /^adam: .*Infinity/],
    [() => scheduleFrom('adam', { name: 'cosinus', options: {} } as never), RangeError, /did you mean 'cosine'/],
    [() => scheduleFrom('adam', { name: 'cosine' } as never), TypeError, /options/],
  ])('wrong use %#', (make, kind, message) => {
    expect(make).toThrow(kind);
    expect(make).toThrow(message);
  });
});
