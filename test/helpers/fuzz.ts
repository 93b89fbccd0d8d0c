/**
 * Damaged files by the thousand, for readers: each case must end as a correct read or as an error that the reader documents, soon, and
 * without much memory. Cases are numbered and independent, so the one that a failure names can be run again by itself (`only`).
 */
import { getHeapStatistics } from 'node:v8';
import { Worker } from 'node:worker_threads';
import { SteepestError } from '../../lib/errors.js';
import { RandomStream } from '../../lib/random.js';

export interface FuzzOptions<T> {
  /** Files as they should be. */
  readonly files: readonly Uint8Array[];
  /** The reader. What it throws or rejects with is judged by `refusal`. */
  readonly read: (bytes: Uint8Array) => T | Promise<T>;
  /** Throws where what was read makes no sense. */
  readonly check?: (result: T, bytes: Uint8Array) => void;
  /** Whether the reader documents this error. Default: a SteepestError with the code ERR_FORMAT. */
  readonly refusal?: (error: unknown) => boolean;
  /** Words of a text format, to be put in and exchanged. Default: none, a format of bytes. */
  readonly tokens?: readonly string[];
  /** Default 2000. */
  readonly cases?: number;
  readonly seed?: number;
  /** Most bytes that one case may take. Default 96 MiB: garbage of earlier cases counts too. */
  readonly memory?: number;
  /** Most seconds of processor time that one case may take. Default 2. */
  readonly seconds?: number;
  /** Runs this case alone. */
  readonly only?: number;
}

/** Seconds until a case counts as one that hangs: then the whole process ends, for nothing else ends an endless loop. */
const HANGS = 30;
/** Values at the ends of whole numbers of 8, 16, 32 and 64 bits. */
const EXTREMES = [0n, 1n, 2n, 3n, 7n, 8n].concat([8n, 16n, 31n, 32n, 53n, 63n, 64n].map((bits) => (1n << bits) - 1n));

/** Runs all cases; gives how many were refused and how many read. Throws (rejects) at the first that fails, with its number and bytes. */
export async function fuzz<T>(options: FuzzOptions<T>): Promise<{ refused: number; read: number }> {
  const { cases = 2000, seed = 1, only } = options;
  const watch = new Watch(seed);
  const counts = { refused: 0, read: 0 };
  try {
    for (let n = only ?? 0; n < (only === undefined ? cases : only + 1); n++) {
      const bytes = damaged(options.files, new RandomStream(seed, n), options.tokens);
      watch.begin(n);
      counts[await attempt(options, bytes, n)]++;
    }
  } finally {
    watch.end();
  }
  return counts;
}

async function attempt<T>(options: FuzzOptions<T>, bytes: Uint8Array, n: number): Promise<'refused' | 'read'> {
  const { memory = 96 * 2 ** 20, seconds = 2 } = options;
  const fail = (what: string, cause?: unknown) => {
    const shown = `${Buffer.from(bytes.subarray(0, 256)).toString('base64')}${bytes.length > 256 ? '...' : ''}`;
    return new Error(`case ${n}, ${bytes.length} bytes (base64: ${shown}): ${what}`, { cause });
  };
  const before = usage();
  const outcome = await readOrRefusal(options, bytes).catch((error) => {
    throw fail(error instanceof Error ? error.message : String(error), error);
  });
  const after = usage();
  const taken = Math.max(after.bytes - before.bytes, after.peak - before.peak);
  if (taken > memory) throw fail(`took ${taken} bytes of memory`);
  if (after.seconds - before.seconds > seconds)
    throw fail(`took ${after.seconds - before.seconds} s of processor time`);
  return outcome;
}

async function readOrRefusal<T>(options: FuzzOptions<T>, bytes: Uint8Array): Promise<'refused' | 'read'> {
  const { read, check, refusal = isFormatError } = options;
  let result: T;
  try {
    result = await read(bytes);
  } catch (error) {
    if (refusal(error)) return 'refused';
    throw new Error(`threw ${error}`, { cause: error });
  }
  check?.(result, bytes);
  return 'read';
}

const isFormatError = (error: unknown) => error instanceof SteepestError && error.code === 'ERR_FORMAT';

/** Memory of JavaScript, in use or not collected yet; the most that the process ever had; processor time. */
function usage() {
  const { used_heap_size, external_memory } = getHeapStatistics();
  const { maxRSS, userCPUTime, systemCPUTime } = process.resourceUsage();
  return { bytes: used_heap_size + external_memory, peak: maxRSS * 1024, seconds: (userCPUTime + systemCPUTime) / 1e6 };
}

/** One to three kinds of damage to one of the files. */
export function damaged(files: readonly Uint8Array[], random: RandomStream, tokens?: readonly string[]): Uint8Array {
  let bytes: Uint8Array = Uint8Array.from(files[random.below(files.length)]!);
  for (let times = 1 + random.below(3); times > 0; times--) {
    const text = tokens !== undefined && random.below(2) === 0;
    bytes = text ? damageText(bytes, random, tokens) : damageBytes(bytes, files, random);
  }
  return bytes;
}

/** A place in the file; every second time near its beginning, where the headers are. */
const place = (length: number, random: RandomStream) =>
  random.below((random.below(2) === 0 ? Math.min(length, 64) : length) + 1);

function damageBytes(bytes: Uint8Array, files: readonly Uint8Array[], random: RandomStream): Uint8Array {
  const at = place(bytes.length, random);
  const length = 1 + random.below(random.below(4) === 0 ? 256 : 8);
  switch (random.below(8)) {
    case 0: // a bit
    case 1:
      if (at < bytes.length) bytes[at]! ^= 1 << random.below(8);
      return bytes;
    case 2: // a whole number, at the end of its range
    case 3:
      return extreme(bytes, at, random);
    case 4:
      return bytes.slice(0, at); // cut off
    case 5:
      return spliced(bytes, at, at + length, bytes.subarray(0, 0));
    case 6: {
      // a piece of a file, here for that many bytes, or between
      const other = files[random.below(files.length)]!;
      const from = place(other.length, random);
      return spliced(bytes, at, random.below(2) === 0 ? at : at + length, other.subarray(from, from + length));
    }
    default: {
      const noise = Uint8Array.from({ length: Math.min(length, 16) }, () => random.below(256));
      return spliced(bytes, at, random.below(2) === 0 ? at : at + noise.length, noise);
    }
  }
}

function extreme(bytes: Uint8Array, place: number, random: RandomStream): Uint8Array {
  const size = [1, 2, 4, 8][random.below(4)]!;
  const at = random.below(4) === 0 ? place : place - (place % size);
  if (at + size > bytes.length) return bytes;
  let value = EXTREMES[random.below(EXTREMES.length)]! + BigInt(random.below(3) - 1);
  const little = random.below(2) === 0;
  for (let i = 0; i < size; i++, value >>= 8n) bytes[little ? at + i : at + size - 1 - i] = Number(value & 255n);
  return bytes;
}

const NUMBERS = [
  '0',
  '-1',
  '1',
  '0.5',
  '1e9',
  '2147483648',
  '4294967296',
  '9007199254740993',
  '1e400',
  '-0',
  'NaN',
  'null',
  '99999999999999999999',
];

/** A token put in, put in place of a word, or a word repeated; words are what the text's own tokens and blanks leave. */
function damageText(bytes: Uint8Array, random: RandomStream, tokens: readonly string[]): Uint8Array {
  const words = [
    ...Buffer.from(bytes)
      .toString('latin1')
      .matchAll(/[\w.+-]+|[^\w\s]/g),
  ];
  const word = words[random.below(Math.max(1, words.length))];
  const begin = word?.index ?? 0;
  const end = begin + (word?.[0].length ?? 0);
  const list = random.below(3) === 0 ? NUMBERS : tokens;
  const token = Buffer.from(list[random.below(list.length)]!, 'latin1');
  const kind = random.below(4);
  if (kind === 0) return spliced(bytes, begin, begin, token);
  if (kind === 1)
    return spliced(bytes, begin, begin, bytes.slice(begin, Math.min(bytes.length, end + random.below(64))));
  return spliced(bytes, begin, end, token);
}

/** What JSON is held together by: tokens for files that have some in them. */
export const JSON_MARKS = ['{', '}', '[', ']', ',', ':'] as const;

/** `bytes` with [begin, end) replaced. */
function spliced(bytes: Uint8Array, begin: number, end: number, by: Uint8Array): Uint8Array {
  return new Uint8Array(Buffer.concat([bytes.subarray(0, begin), by, bytes.subarray(end)]));
}

/** A second thread that ends the process when a case hangs, and says which one it was. */
class Watch {
  readonly #state = new Int32Array(new SharedArrayBuffer(4));
  readonly #worker: Worker;

  constructor(seed: number) {
    const code = `
      const { state, seed, seconds } = require('node:worker_threads').workerData;
      for (let last = 0; ; last = Atomics.load(state, 0)) {
        if (Atomics.wait(state, 0, last, 1000 * seconds) !== 'timed-out') continue;
        require('node:fs').writeSync(2, 'fuzz: case ' + (last - 1) + ' of seed ' + seed + ' did not end in ' + seconds + ' s\\n');
        process.kill(process.pid, 'SIGKILL');
      }`;
    this.#worker = new Worker(code, { eval: true, workerData: { state: this.#state, seed, seconds: HANGS } });
    this.#worker.unref();
  }

  begin(n: number): void {
    Atomics.store(this.#state, 0, n + 1);
    Atomics.notify(this.#state, 0);
  }

  end(): void {
    void this.#worker.terminate();
  }
}
