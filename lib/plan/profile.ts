/** Where a run's time went: the events that a backend records, as a trace for Perfetto or chrome://tracing, and as a table. */
import { EVENT_NUMBERS, type Plan, type PlanEvents } from '../backends/backend.js';
import { type CallCost, planCosts } from './describe.js';

/**
 * An event of the trace event format, times in microseconds. ph 'X': a kernel call on a slice of the batch (cat 'kernel'; tid is its
 * thread; args: layer, call (its number in `model.plan()`), step, images of the slice, threads that share it, each with an event, and
 * 'GFLOP/s' and 'GB/s' of one of them) or a step (cat 'step', in a
 * row of its own; args: step, images); ph 'M': the name of a row.
 */
export interface TraceEvent {
  readonly name: string;
  readonly ph: 'X' | 'M';
  readonly cat?: 'kernel' | 'step';
  readonly ts?: number;
  readonly dur?: number;
  readonly pid: number;
  readonly tid: number;
  readonly args: Readonly<Record<string, string | number>>;
}

/** A kernel of a layer, over all its calls. */
export interface KernelProfile {
  readonly kernel: string;
  readonly layer: string;
  /** Each slice of a batch counts. */
  readonly calls: number;
  /** Of all threads together. */
  readonly milliseconds: number;
  /** Part of the time of all kernels, 0 .. 1. */
  readonly share: number;
  /** Floating-point operations, and bytes of the buffers read and written, in a second of that time, so of one thread; in 10^9. */
  readonly gflops: number;
  readonly gbPerSecond: number;
}

/** Events that are kept; the others are counted. */
const MOST_EVENTS = 1_000_000;
/** The row of the steps in a trace: no thread has this number. */
const STEPS_ROW = 1024;
/** Events in a piece of JSON. */
const PIECE = 2048;

interface Timed {
  readonly plan: Plan;
  /** Index in the plan's calls, or -1: a step. */
  readonly call: number;
  readonly thread: number;
  /** Threads that share it, from `thread` on. */
  readonly threads: number;
  /** From 0, over all runs. */
  readonly step: number;
  readonly images: number;
  readonly begin: number;
  readonly end: number;
}

interface Sum {
  readonly kernel: string;
  readonly layer: string;
  calls: number;
  ns: number;
  flops: number;
  bytes: number;
}

/** The kernel calls of training steps, with their times. */
export class Profile {
  readonly #runs: { readonly plan: Plan; readonly numbers: Float64Array; readonly firstStep: number }[] = [];
  readonly #costs = new Map<Plan, Map<number, CallCost[]>>();
  #steps = 0;
  #recorded = 0;
  #dropped = 0;

  /** Not part of the public API: `fit` makes profiles. */
  constructor(readonly most = MOST_EVENTS) {}

  /** Steps done. */
  get steps(): number {
    return this.#steps;
  }

  /** Events (kernel calls and steps) that there was no room for: at most a million are kept. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Events that may still be recorded. */
  get room(): number {
    return this.most - this.#recorded;
  }

  /** Adds what a run of `steps` steps of a plan recorded. */
  add(plan: Plan, { numbers, dropped }: PlanEvents, steps: number): void {
    this.#runs.push({ plan, numbers, firstStep: this.#steps });
    this.#steps += steps;
    this.#recorded += numbers.length / EVENT_NUMBERS;
    this.#dropped += dropped;
  }

  *#events(): Generator<Timed> {
    for (const { plan, numbers, firstStep } of this.#runs)
      for (let i = 0; i < numbers.length; i += EVENT_NUMBERS) {
        const [call, thread, step, images, begin, end] = numbers.subarray(i, i + EVENT_NUMBERS) as unknown as number[];
        yield {
          plan,
          call: call!,
          thread: Math.max(thread!, 0),
          threads: Math.max(-thread!, 1),
          step: firstStep + step!,
          images: images!,
          begin: begin!,
          end: end!,
        };
      }
  }

  /** What the call costs on its slice. */
  #cost({ plan, call, images }: Timed): CallCost {
    const ofPlan = this.#costs.get(plan) ?? new Map<number, CallCost[]>();
    this.#costs.set(plan, ofPlan);
    const costs = ofPlan.get(images) ?? planCosts(plan, images);
    ofPlan.set(images, costs);
    return costs[call]!;
  }

  /** The kernels of all layers, that with the most time first. */
  kernels(): KernelProfile[] {
    const sums = new Map<string, Sum>();
    let total = 0;
    for (const event of this.#events()) {
      if (event.call < 0) continue;
      const { kernel, label, flops, bytes } = this.#cost(event);
      const key = `${kernel} ${label}`;
      const sum = sums.get(key) ?? { kernel, layer: label, calls: 0, ns: 0, flops: 0, bytes: 0 };
      sums.set(key, sum);
      const ns = event.threads * (event.end - event.begin);
      sum.calls++;
      sum.ns += ns;
      sum.flops += flops;
      sum.bytes += bytes;
      total += ns;
    }
    return [...sums.values()]
      .sort((a, b) => b.ns - a.ns)
      .map(({ kernel, layer, calls, ns, flops, bytes }) => ({
        kernel,
        layer,
        calls,
        milliseconds: ns / 1e6,
        share: rate(ns, total),
        gflops: rate(flops, ns),
        gbPerSecond: rate(bytes, ns),
      }));
  }

  /** The events of the trace: names of rows, then steps, each before its kernel calls. Times count from the first step. */
  *traceEvents(): Generator<TraceEvent> {
    const threads = new Set<number>();
    for (const event of this.#events()) for (let i = 0; i < event.threads; i++) threads.add(event.thread + i);
    yield rowName(STEPS_ROW, 'steps');
    for (const thread of [...threads].sort((a, b) => a - b)) yield rowName(thread, `thread ${thread}`);
    let origin: number | undefined;
    for (const event of this.#events()) {
      const { call, thread, threads: shared, step, images, begin, end } = event;
      origin ??= begin;
      const times = { ph: 'X', ts: (begin - origin) / 1000, dur: (end - begin) / 1000, pid: 1 } as const;
      if (call < 0) {
        yield { name: `step ${step}`, cat: 'step', ...times, tid: STEPS_ROW, args: { step, images } };
        continue;
      }
      const { kernel, label, flops, bytes } = this.#cost(event);
      const ns = shared * (end - begin);
      const rates = { 'GFLOP/s': rate(flops, ns), 'GB/s': rate(bytes, ns) };
      const args = { layer: label, call, step, images, threads: shared, ...rates };
      for (let i = 0; i < shared; i++) yield { name: kernel, cat: 'kernel', ...times, tid: thread + i, args };
    }
  }

  /** The trace as JSON, piece by piece: one object with `traceEvents`, one event a line. */
  *json(): Generator<string> {
    let piece = `{"displayTimeUnit":"ms","otherData":{"steps":${this.#steps},"dropped":${this.#dropped}},"traceEvents":[`;
    let count = 0;
    for (const event of this.traceEvents()) {
      piece += `${count++ === 0 ? '' : ','}\n${JSON.stringify(event)}`;
      if (count % PIECE > 0) continue;
      yield piece;
      piece = '';
    }
    yield `${piece}\n]}\n`;
  }

  /** The kernels as a table. */
  toString(): string {
    const rows = this.kernels().map((k) => [
      k.kernel,
      k.layer,
      k.calls.toLocaleString('en-US'),
      k.milliseconds.toFixed(2),
      `${(100 * k.share).toFixed(1)} %`,
      k.gflops.toFixed(1),
      k.gbPerSecond.toFixed(1),
    ]);
    const table = [['kernel', 'layer', 'calls', 'ms', 'share', 'GFLOP/s', 'GB/s'], ...rows];
    const widths = table[0]!.map((_, column) => Math.max(...table.map((row) => row[column]!.length)));
    const pad = (cell: string, column: number) =>
      column < 2 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!);
    const steps = this.#steps === 1 ? '1 step' : `${this.#steps.toLocaleString('en-US')} steps`;
    const lost = this.#dropped > 0 ? `, ${this.#dropped.toLocaleString('en-US')} dropped` : '';
    return [
      `profile of ${steps}: ${this.#recorded.toLocaleString('en-US')} events${lost}; times of all threads together, rates of one`,
      ...table.map((row) => row.map(pad).join('  ')),
    ].join('\n');
  }
}

function rowName(tid: number, name: string): TraceEvent {
  return { name: 'thread_name', ph: 'M', pid: 1, tid, args: { name } };
}

/** amount / of; 0 where a clock saw no time pass. */
function rate(amount: number, of: number): number {
  return of > 0 ? amount / of : 0;
}
