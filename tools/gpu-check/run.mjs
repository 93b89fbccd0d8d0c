// What gpu:check runs things with: a process with a time limit, and steps one after the other within the time of a stage.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/** Lines kept of what a process wrote, for those who look for the reason. */
const KEPT = 30;
/** Below this a step is not begun. */
export const LEAST_SECONDS = 3;

/**
 * Runs a command, and all it starts, for so many seconds at most.
 * @returns {Promise<{ code: number | null, timedOut: boolean, seconds: number, lines: string[], tail: string[], error?: string }>}
 *   lines: of its standard output; tail: the last of both outputs
 */
export function execute([command, ...args], { cwd, env, seconds, onLine = () => {} }) {
  return new Promise((resolve) => {
    const began = performance.now();
    const [lines, tail] = [[], []];
    let [timedOut, error] = [false, undefined];
    const child = spawn(command, args, { cwd, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    const stop = () => {
      try {
        process.kill(-child.pid, 'SIGKILL'); // its group: what it started too
      } catch {} // it has ended
    };
    const timer = setTimeout(() => {
      timedOut = true;
      stop();
    }, seconds * 1e3);
    process.once('exit', stop);
    const keep = (line) => {
      tail.push(line);
      if (tail.length > KEPT) tail.shift();
    };
    createInterface({ input: child.stdout }).on('line', (line) => {
      lines.push(line);
      keep(line);
      onLine(line);
    });
    createInterface({ input: child.stderr }).on('line', keep);
    child.on('error', ({ message }) => {
      error = message;
    });
    child.on('close', (code) => {
      clearTimeout(timer);
      process.removeListener('exit', stop);
      stop(); // what it left behind
      const time = Math.round((performance.now() - began) / 100) / 10;
      resolve({ code, timedOut, seconds: time, lines, tail, ...(error !== undefined && { error }) });
    });
  });
}

/** The objects among lines. */
export function jsonLines(lines) {
  return lines.flatMap((line) => {
    if (!line.startsWith('{')) return [];
    try {
      return [JSON.parse(line)];
    } catch {
      return [];
    }
  });
}

/** Seconds for each stage in turn: what is left, in the proportion of the weights of those still to come. */
export function share(left, weights) {
  return (left * weights[0]) / weights.reduce((a, b) => a + b, 0);
}

/** Runs a step, { name, command, env?, read? }, for so many seconds at most. */
async function runStep({ name, command, env: more, read = () => ({}) }, { cwd, env, seconds, say }) {
  if (seconds < LEAST_SECONDS) return { name, status: 'not run', reason: 'no time was left' };
  say(`${name} (at most ${Math.round(seconds)} s)`);
  const ran = await execute(command, { cwd, env: { ...env, ...more }, seconds });
  const status = ran.timedOut ? 'time limit' : ran.code !== 0 ? 'failed' : 'done';
  const result = { name, status, seconds: ran.seconds, ...read(ran) };
  if (ran.error !== undefined) result.reason = ran.error;
  if (['failed', 'time limit'].includes(result.status)) Object.assign(result, { code: ran.code, tail: ran.tail });
  say(`  ${name}: ${[result.status, result.text, result.reason].filter(Boolean).join(', ')}; ${ran.seconds} s`);
  return result;
}

/**
 * Runs a stage's steps within `seconds`. `read`(what execute gave) of a step gives fields of its result, and may set its status. `how`: 'together';
 * 'evenly', one after the other, with time kept for the steps still to come; or 'greedily', where the first may take all of it.
 */
export async function runSteps(steps, how, { cwd, env, seconds, say }) {
  const end = performance.now() + seconds * 1e3;
  const left = () => (end - performance.now()) / 1e3;
  const context = { cwd, env, say };
  if (how === 'together') return Promise.all(steps.map((step) => runStep(step, { ...context, seconds })));
  const results = [];
  for (const [i, step] of steps.entries()) {
    // Half as much again as its part: most steps need less than their limit.
    const part = how === 'evenly' ? Math.min(left(), (1.5 * left()) / (steps.length - i)) : left();
    results.push(await runStep(step, { ...context, seconds: part }));
  }
  return results;
}
