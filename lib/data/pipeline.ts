/**
 * Pipelines: rows or batches that come one by one, changed on their way, a new pass for each epoch, as tf.data and torch's loaders have them. Nothing
 * is computed before someone asks; a pass depends on the seeds and the epoch's number alone, so a run repeats, and goes on where it was.
 */
import { setImmediate as yieldToEvents } from 'node:timers/promises';
import { checkInteger, checkOptions, wrongType } from '../errors.js';
import { RandomStream } from '../random.js';
import { type BatchOptions, batched, readBatchOptions } from './batch.js';
import type { BatchStream, Data, Dataset } from './dataset.js';
import { countRows, type ImageFile, type Row, rowsIn } from './rows.js';

type Elements<T> = Iterable<T> | AsyncIterable<T>;

export interface ShuffleOptions {
  /** Default 0. */
  readonly seed?: number;
  /** Elements among which the next one is drawn; with fewer than there are, order is less random. Default: all, kept in memory meanwhile. */
  readonly buffer?: number;
}

/** Stream of the random numbers of shuffles ("pipe"). */
const STREAM = 0x70697065;
/** Elements that a shuffle takes in before the program's other work gets its turn. */
const SLICE = 2048;

/** What `pipeline` makes. Each method gives a new pipeline. */
export class Pipeline<T> implements AsyncIterable<T> {
  /** Elements of an epoch; undefined where nobody knows before. */
  readonly size: number | undefined;
  readonly #open: (epoch: number) => Elements<T>;

  constructor(open: (epoch: number) => Elements<T>, size?: number) {
    this.#open = open;
    this.size = size;
  }

  /** The elements of an epoch, from 0 on: what `fit` asks for, with the number of epochs that the model has been trained. */
  epoch(number: number): AsyncGenerator<T, void> {
    return generated(this.#open(checkInteger('pipeline', 'epoch', number)));
  }

  /** The elements of epoch 0. */
  [Symbol.asyncIterator](): AsyncGenerator<T, void> {
    return this.epoch(0);
  }

  /** The first `count` elements. */
  take(count: number): Pipeline<T> {
    checkInteger('take', 'count', count);
    const size = this.size === undefined ? undefined : Math.min(this.size, count);
    return this.#then(size, async function* (elements) {
      if (count === 0) return;
      let left = count;
      for await (const element of elements) {
        yield element;
        if (--left === 0) return;
      }
    });
  }

  /** All but the first `count` elements. */
  skip(count: number): Pipeline<T> {
    checkInteger('skip', 'count', count);
    const size = this.size === undefined ? undefined : Math.max(0, this.size - count);
    return this.#then(size, async function* (elements) {
      let left = count;
      for await (const element of elements) if (--left < 0) yield element;
    });
  }

  /** What `change` makes of each element (and of its place), one after the other; it may be asynchronous. */
  map<U>(change: (element: T, index: number) => U | Promise<U>): Pipeline<U> {
    if (typeof change !== 'function') throw wrongType('map', 'change', 'a function', change);
    return this.#then(this.size, async function* (elements) {
      let index = 0;
      for await (const element of elements) yield await change(element, index++);
    });
  }

  /** In random order, another one each epoch. */
  shuffle(options?: ShuffleOptions): Pipeline<T> {
    checkOptions('shuffle', options, ['seed', 'buffer']);
    const seed = checkInteger('shuffle', 'seed', options?.seed ?? 0);
    const buffer = checkInteger('shuffle', 'buffer', options?.buffer ?? Number.MAX_SAFE_INTEGER, 1);
    return this.#then(this.size, (elements, epoch) =>
      shuffled(elements, new RandomStream(seed, STREAM, epoch), buffer),
    );
  }

  /** Keeps the elements of the first pass that comes to its end, and gives these in every later one, whatever the epoch. */
  cache(): Pipeline<T> {
    let kept: readonly T[] | undefined;
    return new Pipeline((epoch) => kept ?? keeping(this.#open(epoch)), this.size);
    async function* keeping(elements: Elements<T>) {
      const all: T[] = [];
      for await (const element of elements) {
        all.push(element);
        yield element;
      }
      kept ??= all;
    }
  }

  /**
   * Rows put together, `size` at a time: the batches `{ x, y }` that `fit` and `evaluate` take. Typed arrays become one, labels an array. Image files
   * are decoded, and images augmented, on threads, some batches ahead of who asks.
   * @throws TypeError, RangeError on options; (at iteration) ERR_SHAPE where rows are of several kinds or lengths, ERR_FORMAT where a file is no image.
   * @example pipeline(train).shuffle({ seed: 1 }).batch(64, { augment: [augment.flip(), augment.cropPadded(4)], seed: 1 })
   */
  batch(this: Pipeline<Row | ImageFile>, size: number, options?: BatchOptions): Pipeline<Dataset> {
    checkInteger('batch', 'size', size, 1);
    const settings = readBatchOptions(options);
    const count =
      this.size === undefined ? undefined : Math[settings.dropRemainder ? 'floor' : 'ceil'](this.size / size);
    return this.#then(count, (rows, epoch) => batched(rows, size, settings, epoch));
  }

  #then<U>(size: number | undefined, change: (elements: Elements<T>, epoch: number) => AsyncIterable<U>): Pipeline<U> {
    return new Pipeline((epoch) => change(this.#open(epoch), epoch), size);
  }
}

/** The stream of an epoch: pipelines, and functions, are asked for it. */
export function atEpoch(stream: Exclude<Data, Dataset>, epoch: number): Exclude<Data, Dataset> {
  const of = (batches: BatchStream) => (batches instanceof Pipeline ? batches.epoch(epoch) : batches);
  return typeof stream === 'function' ? async () => of(await stream(epoch)) : of(stream);
}

async function* generated<T>(elements: Elements<T>): AsyncGenerator<T, void> {
  yield* elements;
}

/** What a function gives, once it is asked for. */
async function* called<T>(source: () => Elements<T> | Promise<Elements<T>>): AsyncGenerator<T, void> {
  const elements = await source();
  if (!isIterable(elements)) throw wrongType('pipeline', 'source', 'an iterable', elements);
  yield* elements;
}

const isIterable = (value: unknown): value is Elements<unknown> =>
  value !== null &&
  typeof value === 'object' &&
  !ArrayBuffer.isView(value) &&
  (Symbol.asyncIterator in value || Symbol.iterator in value);

/** Each drawn from the next `buffer` ones: the next one then takes its place. */
async function* shuffled<T>(elements: Elements<T>, random: RandomStream, buffer: number): AsyncGenerator<T> {
  const waiting: T[] = [];
  for await (const element of elements) {
    if (waiting.length < buffer) {
      if (waiting.push(element) % SLICE === 0) await yieldToEvents();
      continue;
    }
    const place = random.below(buffer);
    yield waiting[place]!;
    waiting[place] = element;
  }
  for (let left = waiting.length; left > 0; left--) {
    const place = random.below(left);
    yield waiting[place]!;
    waiting[place] = waiting[left - 1]!;
  }
}

/**
 * A pipeline of the rows of a data set, or of whatever an iterable (async or not) has. A function is called for every epoch, with its number from 0, and
 * returns the iterable.
 *
 * @param source a data set `{ x, y }` in memory (where x and y are flat and y has real numbers, its `shape` must tell the shape of a row); an iterable;
 *   or a function that returns one, or a promise of one.
 * @throws TypeError, ERR_SHAPE where it is none of these.
 * @example
 *   const batches = pipeline(train).shuffle({ seed: 1 }).map(({ x, y }) => ({ x: x.map((v) => 255 - v), y })).batch(64);
 *   await model.fit(batches, { epochs: 3 });
 *   await model.evaluate(pipeline(test).take(1000).batch(256));
 */
export function pipeline(source: Dataset): Pipeline<Row>;
export function pipeline<T>(source: Elements<T> | ((epoch: number) => Elements<T> | Promise<Elements<T>>)): Pipeline<T>;
export function pipeline(
  source: Dataset | Elements<unknown> | ((epoch: number) => Elements<unknown> | Promise<Elements<unknown>>),
): Pipeline<unknown> {
  if (typeof source === 'function') return new Pipeline((epoch) => called(() => source(epoch)));
  if (source instanceof Pipeline) return source;
  if (source !== null && typeof source === 'object' && 'x' in source)
    return new Pipeline(() => rowsIn('pipeline', source), countRows('pipeline', source));
  if (!isIterable(source))
    throw wrongType('pipeline', 'source', 'a data set { x, y }, an iterable or a function', source);
  return new Pipeline(() => source, Array.isArray(source) ? source.length : undefined);
}
