/** The header of an .npy file, a dictionary as Python writes it: {'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), }. */
import { FormatFailure, quoted } from '../failure.js';

export interface NpyHeader {
  readonly descr: string;
  readonly fortranOrder: boolean;
  readonly shape: readonly number[];
}

/** The value of each key; of a shape what is between the brackets. */
const VALUES = {
  descr: /^(['"])([^'"\\]*)\1$/,
  fortran_order: /^(True|False)$/,
  shape: /^\(([^()]*)\)$/,
} as const;
type Key = keyof typeof VALUES;
const keys = Object.keys(VALUES) as Key[];

/** One entry and the comma behind it, if there is one; a value is a string, a tuple of no tuples, or a word. */
const ENTRY = /\s*(['"])(\w*)\1\s*:\s*('[^']*'|"[^"]*"|\([^()]*\)|[^\s,'"()]+)\s*(,|$)/y;

/** Reads the three keys, in any order, each once. Throws a FormatFailure on anything else. */
export function parseNpyHeader(header: string): NpyHeader {
  const found = entries(header);
  const match = (key: Key) => {
    const text = found.get(key);
    if (text === undefined) throw new FormatFailure(`expected the key '${key}' in the header ${quoted(header.trim())}`);
    const match = VALUES[key].exec(text);
    if (match === null) throw new FormatFailure(`expected other values for '${key}' than ${quoted(text)}`);
    return match;
  };
  const shape = sizesOf(match('shape')[1]!);
  return { descr: match('descr')[2]!, fortranOrder: match('fortran_order')[1] === 'True', shape };
}

/** `3, 2` or `3,`: a comma may stand behind the last. Python 2 wrote sizes as 3L. */
function sizesOf(text: string): number[] {
  const words = text.split(',').map((word) => word.trim());
  if (words.at(-1) === '') words.pop();
  const sizes = words.map((word) => (/^\d{1,16}L?$/.test(word) ? Number.parseInt(word, 10) : Number.NaN));
  if (sizes.length > 64 || !sizes.every(Number.isSafeInteger))
    throw new FormatFailure(`expected at most 64 sizes for 'shape' but received ${quoted(`(${text})`)}`);
  return sizes;
}

function entries(header: string): Map<Key, string> {
  const inside = /^\s*\{(.*)\}\s*$/s.exec(header)?.[1]?.trimEnd();
  if (inside === undefined)
    throw new FormatFailure(`expected a header { ... } of a dictionary but received ${quoted(header.trim())}`);
  const found = new Map<Key, string>();
  for (ENTRY.lastIndex = 0; ENTRY.lastIndex < inside.length; ) {
    const at = ENTRY.lastIndex;
    const [, , key, value] = ENTRY.exec(inside) ?? [];
    if (key === undefined)
      throw new FormatFailure(
        `expected 'key': value with a number's type but received ${quoted(inside.slice(at).trim())}`,
      );
    if (!keys.includes(key as Key))
      throw new FormatFailure(`expected ${keys.join(', ')} but received the key '${key}'`);
    if (found.has(key as Key)) throw new FormatFailure(`the key '${key}' is there twice`);
    found.set(key as Key, value!);
  }
  return found;
}
