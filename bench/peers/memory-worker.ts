/**
 * Steepest's side of the memory: a process that does some steps and nothing else, and prints the most resident memory it has had (Linux).
 *
 *     node memory-worker.js '{"model":..,"mode":..,"batch":..,"device":..,"threads":..}' STEPS
 */
import { readFileSync } from 'node:fs';
import { SteepestPlayer } from './player.js';
import { makeSubject } from './subject.js';

const [, , options, steps] = process.argv;

async function main(): Promise<void> {
  const player = new SteepestPlayer(makeSubject(JSON.parse(options!)));
  await player.run(Number(steps) - 1); // it begins with one that is not timed
  // Not resourceUsage().maxRSS, which begins with that of the process that started this one.
  const [, peakKiB] = /^VmHWM:\s*(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))!;
  process.stdout.write(JSON.stringify({ peakKiB: Number(peakKiB) }));
}

void main();
