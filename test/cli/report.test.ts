import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { runCommand } from '../helpers/fake-io.js';
import { temporaryFolder } from '../helpers/temporary.js';

const folder = temporaryFolder('report-command');
const at = (name: string) => join(folder, name);
const report = (...args: string[]) => runCommand(['report', ...args]);

it('writes the page beside the log, or where it is told to, and says where', async () => {
  writeFileSync(at('run.jsonl'), '{"event":"epoch","epoch":1,"trainLoss":0.5}\n');
  const { code, io } = await report(at('run.jsonl'));
  expect([code, io.stdout, io.stderr]).toEqual([0, `${at('run.html')}\n`, '']);
  expect(readFileSync(at('run.html'), 'utf8')).toContain('<h1>run.jsonl</h1>');
  await report(at('run.jsonl'), '--out', at('other.html'));
  expect(existsSync(at('other.html'))).toBe(true);
});

it('says what is wrong with a file, and writes nothing', async () => {
  writeFileSync(at('bad.jsonl'), '{"event":"epoch","epoch":"one"}\n');
  const bad = await report(at('bad.jsonl'));
  expect(bad.code).toBe(1);
  expect(bad.io.stderr).toBe(
    `error: ERR_FORMAT: report: ${at('bad.jsonl')}, line 1: expected a number for epoch but received "one"\n`,
  );
  expect(existsSync(at('bad.html'))).toBe(false);
  expect((await report(at('none'))).io.stderr).toMatch(/^error: ENOENT/);
  expect((await report()).code).toBe(2);
  expect((await report(at('run.jsonl'), '--out', at('no/folder.html'))).io.stderr).toMatch(/^error: ERR_FILE: report/);
});
