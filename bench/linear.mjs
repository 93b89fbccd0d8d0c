// Linear classification on one file, steepest against LIBLINEAR's liblinear-train (where it is installed), as whole processes in turns:
//   node bench/linear.mjs FILE [--rounds 9] [--C 1] [--json]
// FILE: LIBSVM's format, unpacked (LIBLINEAR reads no packed files). Both with their default tolerances. A row a loss: median and least seconds
// of the process and of steepest's fit alone, and both objectives, LIBLINEAR's computed from the weights that it writes.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { readLibsvm } from 'steepest';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '9' },
    C: { type: 'string', default: '1' },
    json: { type: 'boolean', default: false },
  },
});
const [file] = positionals;
const cli = join(dirname(fileURLToPath(import.meta.url)), '..', 'dist', 'cli', 'main.js');
const folder = mkdtempSync(join(tmpdir(), 'linear-bench-'));

/** Name, steepest's arguments, LIBLINEAR's solver, loss of a row by z = y w'x, regulariser of a weight. */
const kinds = [
  ['logistic', ['--loss', 'logistic'], 0, (z) => Math.log1p(Math.exp(-z)), (w) => (w * w) / 2],
  ['squared hinge', ['--loss', 'squared-hinge'], 2, (z) => Math.max(0, 1 - z) ** 2, (w) => (w * w) / 2],
  ['hinge', ['--loss', 'hinge'], 3, (z) => Math.max(0, 1 - z), (w) => (w * w) / 2],
  ['squared hinge, L1', ['--loss', 'squared-hinge', '--l1'], 5, (z) => Math.max(0, 1 - z) ** 2, Math.abs],
  ['logistic, L1', ['--loss', 'logistic', '--l1'], 6, (z) => Math.log1p(Math.exp(-z)), Math.abs],
];

/** Seconds of a program, and what it prints. */
function time(program, args) {
  const begin = performance.now();
  const output = execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  return { seconds: (performance.now() - begin) / 1000, output };
}

/** The objective at the weights in LIBLINEAR's model file (two classes, the first label of the file counts as +1). */
function objectiveOf(model, { x, y }, loss, regularizer) {
  const [head, body] = readFileSync(model, 'utf8').split('\nw\n');
  const positive = Number(/^label (\S+)/m.exec(head)[1]);
  const w = body.trim().split(/\s+/).map(Number);
  let sum = 0;
  for (let i = 0; i < x.rows; i++) {
    let u = 0;
    for (let k = x.starts[i]; k < x.starts[i + 1]; k++) u += x.values[k] * w[x.indices[k]];
    sum += loss(y[i] === positive ? u : -u);
  }
  return w.reduce((total, v) => total + regularizer(v), Number(values.C) * sum);
}

const sorted = (list) => list.toSorted((a, b) => a - b);
const summary = (list) => ({ median: sorted(list)[list.length >> 1], least: sorted(list)[0] });
const show = ({ median, least }) => `${median.toFixed(2)} (${least.toFixed(2)})`;

if (file === undefined) throw new Error('usage: node bench/linear.mjs FILE [--rounds 9] [--C 1] [--json]');
const rival = spawnSync('liblinear-train', []).error === undefined;
const data = await readLibsvm(file);
for (const [name, args, solver, loss, regularizer] of kinds) {
  const [mine, fit, theirs] = [[], [], []];
  const model = join(folder, 'model');
  let objective;
  for (let round = 0; round < Number(values.rounds); round++) {
    const { seconds, output } = time(process.execPath, [
      cli,
      'linear',
      '--data',
      file,
      '--C',
      values.C,
      ...args,
      '--json',
    ]);
    const done = JSON.parse(output.trim().split('\n').at(-1));
    mine.push(seconds);
    fit.push(done.seconds);
    objective = done.objective;
    if (rival) theirs.push(time('liblinear-train', ['-q', '-s', String(solver), '-c', values.C, file, model]).seconds);
  }
  const row = {
    ...{ bench: 'linear', loss: name, steepest: summary(mine), fit: summary(fit), objective },
    ...(rival && { liblinear: summary(theirs), liblinearObjective: objectiveOf(model, data, loss, regularizer) }),
  };
  if (values.json) console.log(JSON.stringify(row));
  else {
    const other = rival ? `, LIBLINEAR ${show(row.liblinear)} s, ${row.liblinearObjective.toFixed(4)}` : '';
    console.log(
      `${name}: steepest ${show(row.steepest)} s, its fit ${show(row.fit)} s, ${objective.toFixed(4)}${other}`,
    );
  }
}
rmSync(folder, { recursive: true });
