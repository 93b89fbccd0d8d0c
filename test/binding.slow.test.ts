/** Finding and loading the addon: what it says of the machine, and what is said where there is none. */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { kernelNames } from '../lib/backends/kernels.js';
import { loadBinding } from '../lib/binding.js';
import { temporaryFolder } from './helpers/temporary.js';

const { binding, path } = loadBinding();

/** loadBinding of a fresh module under these variables. */
async function loadWith(variables: Record<string, string>) {
  for (const [name, value] of Object.entries(variables)) vi.stubEnv(name, value);
  vi.resetModules();
  const fresh = await import('../lib/binding.js');
  return { ...fresh.loadBinding(), fresh };
}
afterEach(() => {
  vi.unstubAllEnvs();
  vi.resetModules(); // no other test meets what was loaded under these variables
});

describe('without an addon', () => {
  test('an error says what was tried and what to do', async () => {
    const { binding: none, error } = await loadWith({ STEEPEST_BINDING: '/nowhere/steepest.node' });
    expect(none).toBeUndefined();
    expect(error).toMatch(/not found at \/nowhere\/steepest\.node \(check STEEPEST_BINDING\)/);
  });

  test('a file that is no addon does not throw either', async () => {
    const folder = temporaryFolder('binding');
    writeFileSync(join(folder, 'steepest.node'), 'not an addon');
    const { error } = await loadWith({ STEEPEST_BINDING: join(folder, 'steepest.node') });
    expect(error).toMatch(/does not load/);
  });

  test('the cpu backend throws ERR_NO_DEVICE with that error', async () => {
    await loadWith({ STEEPEST_BINDING: '/nowhere/steepest.node' });
    const { createCpuBackend } = await import('../lib/backends/cpu.js');
    expect(() => createCpuBackend()).toThrow(
      expect.objectContaining({ code: 'ERR_NO_DEVICE', message: expect.stringContaining('/nowhere/steepest.node') }),
    );
  });
});

describe.skipIf(binding === undefined)('the addon', () => {
  test('knows the kernels of kernels.def in their order', () => {
    expect(binding!.kernelNames()).toEqual(kernelNames);
  });

  test.runIf(process.platform === 'linux')(
    'shows its two entry points to the loader, and takes no code from Node',
    () => {
      const { status, stdout } = spawnSync('nm', ['-D', '--defined-only', path!], { encoding: 'utf8' });
      if (status !== 0) return; // no nm
      const names = stdout
        .trim()
        .split('\n')
        .map((line) => line.split(' ').at(-1));
      expect(names).toEqual(['napi_register_module_v1', 'node_api_module_get_api_version_v1']);
    },
  );

  test('tells what the machine and the build are', () => {
    const info = binding!.info();
    expect(info.isas[0]).toBe('portable');
    expect(info.isas).toContain(info.isa);
    expect(info.physicalCores).toBeGreaterThanOrEqual(1);
    expect(info.logicalCores).toBeGreaterThanOrEqual(info.physicalCores);
    expect(info.compiler).toMatch(/^(gcc|clang) \d/);
    expect(info.cpu).not.toBe('');
    if (info.isas.includes('avx2')) expect(info.features).toEqual(expect.arrayContaining(['avx2', 'fma']));
  });

  test('says why there is no CUDA device, or which there are', () => {
    const { devices, reason, built } = binding!.cuda();
    expect(built).toBe(binding!.info().cuda);
    expect(devices.length > 0).toBe(reason === '');
    for (const device of devices) expect(device.capability).toMatch(/^\d+\.\d$/);
  });

  test('takes the instruction set that STEEPEST_ISA names, and refuses unknown ones', async () => {
    const { isa: former, isas } = binding!.info();
    for (const isa of isas) {
      expect((await loadWith({ STEEPEST_ISA: isa })).error).toBeUndefined();
      expect(binding!.info().isa).toBe(isa);
    }
    expect(binding!.selectIsa(former)).toBe(true);
    const { error } = await loadWith({ STEEPEST_ISA: 'sse9' });
    expect(error).toMatch(/STEEPEST_ISA=sse9 .*portable/);
    expect(binding!.info().isa).toBe(former);
  });
});
