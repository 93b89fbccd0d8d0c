/**
 * SimpleNN's network file: one `key = numbers;` a line, % begins a comment. MATLAB evaluates such a file; here it is parsed, and anything else in
 * it is an error. The keys: github.com/cjlin1/simpleNN, MATLAB/README.md; Wang, Tan and Lin, "Newton methods for convolutional neural networks".
 */
import { type ByteSource, readSource, sourceName } from '../data/unpack.js';
import { nearest, type SteepestError, show, wrongFormat } from '../errors.js';
import { conv2d } from '../layers/conv2d.js';
import { dense } from '../layers/dense.js';
import { flatten } from '../layers/flatten.js';
import type { AnyLayer } from '../layers/layer.js';
import { maxPool2d } from '../layers/max-pool2d.js';
import type { Network } from './network.js';

/** How many numbers each key has. */
const KEYS = {
  L: () => 1,
  LC: () => 1,
  LF: () => 1,
  wd_input: () => 1,
  ht_input: () => 1,
  ch_input: ({ LC }: Counts) => LC + 1,
  wd_pad_added: ({ LC }: Counts) => LC,
  wd_filter: ({ LC }: Counts) => LC,
  strides: ({ LC }: Counts) => LC,
  wd_subimage_pool: ({ LC }: Counts) => LC,
  full_neurons: ({ LF }: Counts) => LF,
} as const;
type Key = keyof typeof KEYS;
interface Counts {
  readonly LC: number;
  readonly LF: number;
}
const names = Object.keys(KEYS) as Key[];
/** Keys whose numbers may be 0. */
const MAY_BE_ZERO: readonly Key[] = ['LC', 'wd_pad_added'];

type Values = Readonly<Record<Key, readonly number[]>>;
type Fail = (message: string, line?: number) => SteepestError;

/** The lines of the file that say something, comments off, with their numbers. */
function parse(text: string, fail: Fail): Map<Key, { readonly numbers: readonly number[]; readonly line: number }> {
  const found = new Map<Key, { numbers: readonly number[]; line: number }>();
  for (const [i, raw] of text.split(/\r\n|\n|\r/).entries()) {
    const line = i + 1;
    const statement = raw.replace(/%.*$/, '').trim();
    if (statement === '') continue;
    const equals = statement.indexOf('=');
    const key = statement.slice(0, Math.max(0, equals)).trim();
    const value = statement
      .slice(equals + 1)
      .replace(/;$/, '')
      .trim();
    if (!/^[A-Za-z]\w{0,63}$/.test(key)) throw fail(`expected 'key = numbers;' but received ${show(statement)}`, line);
    if (!names.includes(key as Key)) {
      const hint = nearest(key, names);
      throw fail(`unknown key '${key}'${hint ? ` (did you mean '${hint}'?)` : `; known: ${names.join(', ')}`}`, line);
    }
    const before = found.get(key as Key);
    if (before !== undefined) throw fail(`'${key}' was given before, in line ${before.line}`, line);
    found.set(key as Key, { numbers: numbersOf(key as Key, value, (message) => fail(message, line)), line });
  }
  return found;
}

/** `28`, `[28]`, `[1,32,64]`, `[1 32 64]` or `[1; 32; 64]`: whole numbers alone. */
function numbersOf(key: Key, value: string, fail: (message: string) => SteepestError): number[] {
  const [, list] = /^\[([\d\s,;]*)\]$/.exec(value) ?? [];
  const words = (list ?? value).split(/[\s,;]+/).filter((word) => word !== '');
  const numbers = words.map(Number);
  const least = MAY_BE_ZERO.includes(key) ? 0 : 1;
  const whole = numbers.every((n, i) => /^\d+$/.test(words[i]!) && Number.isSafeInteger(n) && n >= least);
  if (!whole || (list === undefined && words.length !== 1))
    throw fail(`expected whole numbers >= ${least}, as 28 or [1,32,64], for ${key} but received ${show(value)}`);
  return numbers;
}

/** The numbers of all keys, each key with as many as LC and LF ask for. */
function readValues(text: string, fail: Fail): Values {
  const found = parse(text, fail);
  const missing = names.filter((key) => !found.has(key));
  const first = (key: Key) => found.get(key)?.numbers[0] ?? 0;
  const counts: Counts = { LC: first('LC'), LF: first('LF') };
  // Without convolutional layers there is nothing to say about them.
  const needed = missing.filter((key) => KEYS[key](counts) > 0);
  if (needed.length > 0) throw fail(`expected the key ${needed.map((key) => `'${key}'`).join(', ')}`);
  for (const [key, { numbers, line }] of found)
    if (numbers.length !== KEYS[key](counts))
      throw fail(
        `expected ${KEYS[key](counts)} numbers (LC = ${counts.LC}, LF = ${counts.LF}) for ${key} but received ${numbers.length}`,
        line,
      );
  if (first('L') !== counts.LC + counts.LF)
    throw fail(`expected L = LC + LF = ${counts.LC + counts.LF} but received ${first('L')}`, found.get('L')!.line);
  return Object.fromEntries(names.map((key) => [key, found.get(key)?.numbers ?? []])) as unknown as Values;
}

const HE = { weightsInitializer: 'heNormal' } as const;

function layersOf(values: Values): AnyLayer[] {
  const { ch_input: channels, wd_pad_added: padding, wd_filter: sizes, strides, wd_subimage_pool: pools } = values;
  const { full_neurons: units } = values;
  const convolutions = sizes.flatMap((kernelSize, i) => {
    const where = { filters: channels[i + 1]!, kernelSize, strides: strides[i]!, padding: padding[i]! };
    const convolution = conv2d({ ...where, activation: 'relu', ...HE });
    return pools[i]! > 1 ? [convolution, maxPool2d({ poolSize: pools[i]! })] : [convolution];
  });
  const full = units.map((n, i) => dense({ units: n, ...HE, ...(i < units.length - 1 && { activation: 'relu' }) }));
  return [...convolutions, flatten(), ...full];
}

/**
 * Reads a network file of SimpleNN, from a path or from memory: convolutional layers (padding, convolution, relu, max pooling where its width is
 * above 1), then fully-connected ones, relu between, the last one linear. All weights begin as He's, biases as 0.
 *
 * @param source a path, a file URL, or the file's bytes.
 * @returns layers, the input's shape [ht_input, wd_input, ch_input(1)] and the number of classes, the last of full_neurons.
 * @throws (rejects) SteepestError ERR_FORMAT, with file and line, where a line is anything but a known key with whole numbers, a key is missing
 *   or given twice, or numbers do not fit each other; TypeError where `source` is none of the three; Node's own error where the file cannot be read.
 * @example
 *   const { inputShape, layers } = await readSimplennConfig('mnist-demo-layer3.config');
 *   const model = sequential({ inputShape, seed: 1 }, layers);
 */
export async function readSimplennConfig(source: ByteSource): Promise<Network> {
  const name = sourceName('readSimplennConfig', source);
  const fail: Fail = (message, line) =>
    wrongFormat('readSimplennConfig', `${name}${line === undefined ? '' : `:${line}`}: ${message}`);
  const values = readValues(
    Buffer.from(await readSource(source))
      .toString('utf8')
      .replace(/^\ufeff/, ''),
    fail,
  );
  const inputShape = [values.ht_input[0]!, values.wd_input[0]!, values.ch_input[0]!];
  return { name: 'simplenn', inputShape, classes: values.full_neurons.at(-1)!, layers: layersOf(values) };
}
