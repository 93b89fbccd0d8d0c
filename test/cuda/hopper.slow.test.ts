/**
 * Products by Hopper's own instructions (cuda/hopper): by a program of their own, hopper.cc, in which the shim does what the PTX manual says of
 * each instruction, as late as it may; and what nvcc made of them.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { deviceCodes } from '../helpers/fatbin.js';
import { testHostProgram } from '../helpers/host-program.js';

testHostProgram('hopper', ['operands', 'places', 'ring', 'order', 'choice', 'ways', 'products'], {
  fibers: true,
  flags: ['-Wno-psabi'],
});

const object = (unit: string) => join(__dirname, '..', '..', 'build', 'cuda', `${unit}.o`);

// Skipped, and counted, where the addon is built without CUDA.
describe.skipIf(!existsSync(object('hopper')))('what nvcc made of cuda/hopper', () => {
  // Read off kernels of one such instruction and of none: wgmma, a copy of a box, a change of registers; and multiply_tf32 and _bf16 of kernel.cuh.
  const [HGMMA, UTMALDG, USETMAXREG, HMMA] = [0x9f0, 0x5b4, 0x9c8, 0x23c];
  const read = (unit: string) => deviceCodes(readFileSync(object(unit)));

  test('code for sm_90a alone, without a stack', () => {
    const codes = read('hopper');
    expect(codes.map(({ kind, architecture }) => `${kind} ${architecture}`)).toEqual(['elf 90']);
    expect(codes[0]!.kernels.filter(({ stack }) => stack > 0)).toEqual([]);
  });

  test('the instructions', () => {
    const kernels = read('hopper').flatMap((code) => code.kernels);
    const products = kernels.filter(({ name }) => name.includes('hopper_product'));
    expect(products).toHaveLength(4);
    for (const { instructions, registers } of products) {
      expect(registers).toBe(168);
      const counts = [HGMMA, UTMALDG, USETMAXREG, HMMA].map((instruction) => instructions.get(instruction) ?? 0);
      expect(counts).toEqual([4, 2, 2, 0]); // 4 steps of a slice; one of a and one of b; given and taken
    }
  });

  test('are not those of mma.sync', () => {
    const kernels = read('gemm').flatMap((code) => code.kernels);
    const having = (instruction: number) => kernels.filter(({ instructions }) => instructions.has(instruction)).length;
    expect(having(HMMA)).toBeGreaterThan(0);
    expect([HGMMA, UTMALDG, USETMAXREG].map(having)).toEqual([0, 0, 0]);
  });
});
