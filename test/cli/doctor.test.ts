/** `steepest doctor`: it tells what is there, with the addon and without. */
import { describe, expect, it } from 'vitest';
import { loadBinding } from '../../lib/binding.js';
import { diagnose } from '../../lib/cli/doctor.js';
import { runCommand } from '../helpers/fake-io.js';

const run = (...args: string[]) => runCommand(['doctor', ...args]);

describe('doctor', () => {
  it('prints one JSON object with --json', async () => {
    const { code, io } = await run('--json');
    expect(code).toBe(0);
    expect(io.lines).toEqual([JSON.parse(JSON.stringify(diagnose()))]);
    expect(io.lines[0]).toMatchObject({ node: process.version, platform: `${process.platform} ${process.arch}` });
    expect(io.lines[0]!.threads).toBeGreaterThan(0);
  });

  it('names the addon, or says why there is none', async () => {
    const loaded = loadBinding();
    const { addon, addonError, isa, isas, compiler } = diagnose();
    const { io } = await run();
    if (loaded.binding === undefined) {
      const { error } = loaded;
      expect([addon, addonError, isa, compiler]).toEqual([null, error, null, null]);
      expect(io.stdout).toContain(`none: ${error}`);
    } else {
      const { path } = loaded;
      expect([addon, addonError]).toEqual([path, null]);
      expect(isas).toContain(isa);
      expect(compiler).toMatch(/^(gcc|clang) \d/);
      expect(io.stdout).toContain(path);
      expect(io.stdout).toContain(`${isa} (STEEPEST_ISA`);
    }
  });

  it('says why there is no CUDA device where there is none', async () => {
    const { cuda } = diagnose();
    const { io } = await run();
    if (cuda.devices.length === 0) {
      expect(cuda.reason).not.toBe('');
      expect(io.stdout).toContain(cuda.reason);
    } else expect(io.stdout).toContain(cuda.devices[0]!.name);
  });

  it('refuses arguments', async () => {
    expect((await run('now')).code).toBe(2);
    expect((await run('--jsno')).code).toBe(2);
  });
});
