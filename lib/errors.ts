/** The errors a user can meet. Wrong kind: TypeError. Wrong size: RangeError. Anything else: an Error with a code. */

export type ErrorCode =
  | 'ERR_SHAPE'
  | 'ERR_DISPOSED'
  | 'ERR_NO_DEVICE'
  | 'ERR_NO_PACKAGE'
  | 'ERR_NETWORK'
  | 'ERR_DEVICE_OOM'
  | 'ERR_CUDA'
  | 'ERR_FORMAT'
  | 'ERR_FILE'
  | 'ERR_CHECKPOINT'
  | 'ERR_NOT_DIFFERENTIABLE';

/** An error with a `code` that programs can test. */
export class SteepestError extends Error {
  override readonly name = 'SteepestError';
  constructor(
    readonly code: ErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** Characters of a string, and elements of a list, that a message shows. */
const SHOWN = { characters: 120, elements: 12, depth: 3 };

/** A value as it reads in a message: `Float32Array(3)`, `"relu"`, `NaN`, `[2, 3]`. What is long is cut short. */
export function show(value: unknown, depth = 0): string {
  if (ArrayBuffer.isView(value)) return `${value.constructor?.name}(${(value as { length?: number }).length ?? '?'})`;
  if (typeof value === 'string')
    return `${JSON.stringify(value.slice(0, SHOWN.characters))}${value.length > SHOWN.characters ? '...' : ''}`;
  if (Array.isArray(value)) {
    if (depth === SHOWN.depth) return `Array(${value.length})`;
    const list = value.slice(0, SHOWN.elements).map((element) => show(element, depth + 1));
    return `[${list.join(', ')}${value.length > SHOWN.elements ? `, ... ${value.length} in all` : ''}]`;
  }
  if (typeof value === 'function') return `function ${value.name}`;
  if (value !== null && typeof value === 'object') return value.constructor?.name ?? 'Object';
  return String(value);
}

/** TypeError in the one form all of them have: `conv2d: expected a positive integer for filters but received "8"`. */
export function wrongType(where: string, name: string, expected: string, received: unknown): TypeError {
  const place = typeof where === 'string' ? where : show(where); // a label may be anything yet
  return new TypeError(`${place}: expected ${expected} for ${name} but received ${show(received)}`);
}

/** RangeError in the same form. */
export function wrongRange(where: string, name: string, expected: string, received: unknown): RangeError {
  return new RangeError(`${where}: expected ${expected} for ${name} but received ${show(received)}`);
}

/** Shapes that do not fit each other: a RangeError that carries the code ERR_SHAPE. */
export function wrongShape(where: string, message: string): RangeError & { code: ErrorCode } {
  return Object.assign(new RangeError(`${where}: ${message}`), { code: 'ERR_SHAPE' as const });
}

/** ERR_FORMAT: a file, or what it holds, is not as expected. `cause`: the error that told so, where there is one. */
export function wrongFormat(where: string, message: string, cause?: unknown): SteepestError {
  return new SteepestError('ERR_FORMAT', `${where}: ${message}`, cause === undefined ? undefined : { cause });
}

/** ERR_FORMAT of a text file, with the file and the line in the message and as properties. */
export function wrongLine(where: string, file: string, line: number, message: string) {
  const error = wrongFormat(where, `${file}: line ${line}: ${message}`);
  return Object.assign(error, { file, line });
}

/** Throws unless `value` is a whole number in [min, max]. */
export function checkInteger(
  where: string,
  name: string,
  value: unknown,
  min = 0,
  max = Number.MAX_SAFE_INTEGER,
): number {
  const range =
    max === Number.MAX_SAFE_INTEGER
      ? min === 1
        ? 'a positive integer'
        : `an integer >= ${min}`
      : `an integer in [${min}, ${max}]`;
  if (typeof value !== 'number') throw wrongType(where, name, range, value);
  if (!Number.isInteger(value) || value < min || value > max) throw wrongRange(where, name, range, value);
  return value;
}

/** Throws unless `value` is a number in [min, max] (NaN never is); `open` leaves the ends out. */
export function checkNumber(
  where: string,
  name: string,
  value: unknown,
  { min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY, openMin = false, openMax = false } = {},
): number {
  const range = `a number in ${openMin ? '(' : '['}${min}, ${max}${openMax ? ')' : ']'}`;
  if (typeof value !== 'number') throw wrongType(where, name, range, value);
  const inside = (openMin ? value > min : value >= min) && (openMax ? value < max : value <= max);
  if (!inside) throw wrongRange(where, name, range, value);
  return value;
}

/** Throws unless `value` is one of `names`; the message lists them and the nearest. */
export function checkOneOf<T extends string>(where: string, name: string, value: unknown, names: readonly T[]): T {
  if (names.includes(value as T)) return value as T;
  const hint = typeof value === 'string' ? nearest(value, names) : undefined;
  const list = names.map((n) => `'${n}'`).join(', ');
  const message = `${where}: expected one of ${list} for ${name} but received ${show(value)}${hint ? ` (did you mean '${hint}'?)` : ''}`;
  throw typeof value === 'string' ? new RangeError(message) : new TypeError(message);
}

/** Throws unless `value` is a function, or undefined. */
export function checkCallback<T>(where: string, name: string, value: T | undefined): T | undefined {
  if (value !== undefined && typeof value !== 'function') throw wrongType(where, name, 'a function', value);
  return value;
}

/** Throws unless `signal` is an AbortSignal, or undefined. */
export function checkSignal(where: string, signal: AbortSignal | undefined): AbortSignal | undefined {
  if (signal !== undefined && (typeof signal?.aborted !== 'boolean' || typeof signal.addEventListener !== 'function'))
    throw wrongType(where, 'signal', 'an AbortSignal', signal);
  return signal;
}

/** Throws a TypeError on an option that `known` does not name, with the nearest name. `options` may be undefined. */
export function checkOptions(where: string, options: unknown, known: readonly string[]): void {
  if (options === undefined) return;
  if (options === null || typeof options !== 'object' || Array.isArray(options) || ArrayBuffer.isView(options))
    throw wrongType(where, 'options', 'an object', options);
  for (const key of Object.keys(options)) {
    if (known.includes(key)) continue;
    const hint = nearest(key, known);
    throw new TypeError(
      `${where}: unknown option '${key}'${hint ? ` (did you mean '${hint}'?)` : `; known: ${known.join(', ')}`}`,
    );
  }
}

/** The name at the smallest edit distance from `word`, if that is close enough to be a slip. */
export function nearest(word: string, names: readonly string[]): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.max(2, Math.ceil(word.length / 3)) + 1;
  for (const name of names) {
    if (Math.abs(name.length - word.length) >= bestDistance) continue; // a word may be a file's, of any length
    const distance = editDistance(word.toLowerCase(), name.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [name, distance];
  }
  return best;
}

/** Levenshtein distance, one row at a time. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++)
      next[j] = Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1));
    row = next;
  }
  return row[b.length]!;
}
