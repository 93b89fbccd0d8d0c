/** Operands of a kernel that is timed alone: the same numbers for both sides, which go to PyTorch as files of float32. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A prime, so that rows do not repeat. */
const PERIOD = 65_521;

/** Numbers drawn by `draw`, from PERIOD on the same again: drawing 8192 x 8192 of them would take longer than timing a product. */
export function numbers(length: number, draw: () => number): Float32Array {
  const values = new Float32Array(length);
  for (let i = 0; i < Math.min(PERIOD, length); i++) values[i] = draw();
  for (let filled = PERIOD; filled < length; filled *= 2)
    values.copyWithin(filled, 0, Math.min(filled, length - filled));
  return values;
}

export function writeNumbers(folder: string, name: string, values: Float32Array): void {
  writeFileSync(join(folder, name), values);
}

export function readNumbers(folder: string, name: string): Float32Array {
  const { buffer, byteOffset, byteLength } = readFileSync(join(folder, name));
  return new Float32Array(buffer, byteOffset, byteLength / 4);
}
