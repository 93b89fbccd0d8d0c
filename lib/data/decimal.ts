/** Decimal numbers in the bytes of a text: what readers of text files spend their time on. */

const [PLUS, MINUS, POINT] = [43, 45, 46];
/** 10^0 .. 10^22: powers that float64 holds exactly, so that one product or quotient rounds once. */
const POWERS = Float64Array.from({ length: 23 }, (_, i) => Number(`1e${i}`));

/**
 * The decimal number in bytes [begin, end): [+-] digits [. digits] [e [+-] digits]. NaN for anything else (names such as nan and inf
 * too); infinite where it is beyond float64. Rounded as Number() does.
 */
export function parseDecimal(bytes: Uint8Array, begin: number, end: number): number {
  let at = begin;
  const negative = bytes[at] === MINUS;
  if (negative || bytes[at] === PLUS) at++;
  let [mantissa, digits, exponent] = [0, 0, 0];
  for (; at < end && isDigit(bytes[at]!); at++, digits++) mantissa = mantissa * 10 + (bytes[at]! - 48);
  if (at < end && bytes[at] === POINT)
    for (at++; at < end && isDigit(bytes[at]!); at++, digits++, exponent--)
      mantissa = mantissa * 10 + (bytes[at]! - 48);
  if (digits === 0) return Number.NaN;
  if (at < end && (bytes[at]! | 32) === 101) {
    at++;
    const down = bytes[at] === MINUS;
    if (down || bytes[at] === PLUS) at++;
    const first = at;
    let power = 0;
    for (; at < end && isDigit(bytes[at]!); at++) power = Math.min(1e6, power * 10 + (bytes[at]! - 48));
    if (at === first) return Number.NaN;
    exponent += down ? -power : power;
  }
  if (at < end) return Number.NaN;
  if (digits > 15 || exponent < -22 || exponent > 22) return Number(textOf(bytes, begin, end));
  const value = exponent < 0 ? mantissa / POWERS[-exponent]! : mantissa * POWERS[exponent]!;
  return negative ? -value : value;
}

export const isDigit = (byte: number) => byte >= 48 && byte <= 57;

/** The text in bytes [begin, end), as UTF-8. */
export function textOf(bytes: Uint8Array, begin: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + begin, end - begin).toString();
}
