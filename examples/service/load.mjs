// Asks a service of server.mjs for predictions at a steady rate while it trains, and tells what came of it: `node examples/service/load.mjs`.
//   [--rate 200] requests a second, each sent at its time whether or not earlier ones are answered; [--seconds 20]; [--threads N] of the training
// The service runs in a process of its own. Exit code 1 where a request failed.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { digits } from 'steepest';

const { values } = parseArgs({
  options: {
    rate: { type: 'string', default: '200' },
    seconds: { type: 'string', default: '20' },
    threads: { type: 'string' },
  },
});
const [rate, seconds] = [Number(values.rate), Number(values.seconds)];

const server = spawn(
  process.execPath,
  [
    fileURLToPath(new URL('server.mjs', import.meta.url)),
    '--port=0',
    ...(values.threads === undefined ? [] : [`--threads=${values.threads}`]),
  ],
  { stdio: ['ignore', 'pipe', 'inherit'] },
);
const [line] = await once(server.stdout.setEncoding('utf8'), 'data');
const base = line.trim();
const agent = new Agent({ keepAlive: true });

/** The answer to a request as JSON; rejects where its status is no success. */
function ask(method, path, body) {
  return new Promise((resolve, reject) => {
    const asked = request(base + path, { method, agent }, async (response) => {
      try {
        let text = '';
        for await (const part of response.setEncoding('utf8')) text += part;
        if (response.statusCode >= 300) throw new Error(`${response.statusCode}: ${text}`);
        resolve(JSON.parse(text));
      } catch (error) {
        reject(error);
      }
    });
    asked.on('error', reject).end(body === undefined ? undefined : JSON.stringify(body));
  });
}

const { x, y } = digits({ count: 200, seed: 2, split: 'test' });
const images = Array.from(y, (_, i) => ({
  label: y[i],
  body: { images: [Array.from(x.subarray(i * 784, (i + 1) * 784))] },
}));

await ask('POST', '/train', { epochs: 10_000 });
const times = [];
const failures = [];
const right = [];
const pending = [];
const start = performance.now();
for (let i = 0; i < rate * seconds; i++) {
  const due = start + (i * 1000) / rate;
  if (performance.now() < due) await wait(due - performance.now());
  const { label, body } = images[i % images.length];
  const sent = performance.now();
  pending.push(
    ask('POST', '/predict', body).then(
      ({ labels }) => {
        times.push(performance.now() - sent);
        right.push(labels[0] === label);
      },
      (error) => failures.push(error.message),
    ),
  );
}
await Promise.all(pending);
const status = await ask('GET', '/status');
server.kill('SIGTERM');
const [code] = await once(server, 'close');
agent.destroy();

times.sort((a, b) => a - b);
const at = (part) => times[Math.min(times.length - 1, Math.floor(part * times.length))]?.toFixed(1);
const last = right.slice(-rate);
console.log(
  `${times.length} of ${rate * seconds} requests answered in ${((performance.now() - start) / 1000).toFixed(1)} s, ${failures.length} failed`,
);
console.log(`latency: median ${at(0.5)} ms, p99 ${at(0.99)} ms, most ${at(1)} ms`);
console.log(
  `event loop of the service: delay mean ${status.eventLoopDelay.mean.toFixed(1)} ms, p99 ${status.eventLoopDelay.p99.toFixed(1)} ms`,
);
console.log(
  `weights reloaded ${status.version} times; right in the last second: ${((100 * last.filter(Boolean).length) / last.length).toFixed(1)} %`,
);
if (code !== 0) console.log(`the service ended with code ${code}`);
for (const message of new Set(failures)) console.log(message);
process.exitCode = failures.length > 0 || code !== 0 ? 1 : 0;
