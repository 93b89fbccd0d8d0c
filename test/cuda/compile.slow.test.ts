/** What nvcc has made of the CUDA kernels: code for each architecture, and no kernel that spills registers or has arrays outside of them. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { deviceCodes } from '../helpers/fatbin.js';
import { temporaryFolder } from '../helpers/temporary.js';

const root = join(__dirname, '..', '..');
/**
 * Kernels that may have a stack, by a part of their mangled names, of no more than so many bytes: products in float32 whose tiles take nearly all
 * registers that a thread may have, for sm_80, where ptxas keeps two to six words of some in memory. For sm_90, an H200, it needs none.
 */
const excused = [
  { part: 'product_tilesILNS0_10ArithmeticE0ENS0_11ProductTileILi128ELi128E', architecture: 80, stack: 24 },
  { part: 'product_tilesILNS0_10ArithmeticE0ENS0_11ProductTileILi64ELi64E', architecture: 80, stack: 8 },
];

/** What the build knows by that name: a path that it found, or an option. */
function known(name: string): string | undefined {
  const cache = join(root, 'build', 'CMakeCache.txt');
  const value = existsSync(cache) && new RegExp(`^${name}:\\w+=(.*)$`, 'm').exec(readFileSync(cache, 'utf8'))?.[1];
  return value && !value.endsWith('NOTFOUND') ? value : undefined;
}
const withCuda = known('CUDART') !== undefined && known('STEEPEST_WITHOUT_CUDA') !== 'ON';
const nvcc = withCuda ? known('NVCC') : undefined;

// Large sources are units of their own (CMakeLists.txt).
const units = ['small', 'gemm', 'conv2d'];
const object = (unit: string) => join(root, 'build', 'cuda', `${unit}.o`);

// Skipped, and counted, where the addon is built without CUDA.
describe.skipIf(nvcc === undefined)('nvcc', () => {
  test('the runtime is compiled', () => {
    expect(existsSync(object('runtime'))).toBe(true);
  });

  describe.each(units)('%s', (unit) => {
    test('is compiled for sm_80 and sm_90, and for what comes after', () => {
      const codes = deviceCodes(readFileSync(object(unit)));
      expect(codes.map(({ kind, architecture }) => `${kind} ${architecture}`).sort()).toEqual([
        'elf 80',
        'elf 90',
        'ptx 90',
      ]);
      const [a, b] = codes
        .filter(({ kind }) => kind === 'elf')
        .map(({ kernels }) => kernels.map(({ name }) => name).sort());
      expect(a!.length).toBeGreaterThan(0);
      expect(a).toEqual(b);
    });

    test('no kernel has a stack', () => {
      const allowed = (name: string, code: number) =>
        excused.find(({ part, architecture }) => architecture === code && name.includes(part))?.stack ?? 0;
      const stacks = deviceCodes(readFileSync(object(unit))).flatMap(({ architecture, kernels }) =>
        kernels
          .filter(({ name, stack }) => stack > allowed(name, architecture))
          .map(({ name, stack }) => `${name} for sm_${architecture}: ${stack} bytes`),
      );
      expect(stacks).toEqual([]);
    });
  });

  test('a stack would be seen', () => {
    const folder = temporaryFolder('compile');
    const [source, made] = [join(folder, 'stack.cu'), join(folder, 'stack.o')];
    writeFileSync(
      source,
      `__global__ void with_stack(float* p, int n) {
         float a[100];
         for (int i = 0; i < 100; i++) a[i] = p[i];
         for (int i = 0; i < n; i++) a[i * 7 % 100] += a[i * 3 % 100];
         p[0] = a[n];
       }
       __global__ void without(float* p) { p[0] = 1; }`,
    );
    execFileSync(nvcc!, ['-gencode=arch=compute_90,code=sm_90', '-c', source, '-o', made]);
    const [code] = deviceCodes(readFileSync(made));
    const kernels = Object.fromEntries(code!.kernels.map(({ name, stack }) => [name, stack]));
    expect(kernels).toEqual({ _Z10with_stackPfi: 400, _Z7withoutPf: 0 });
  });
});
