// An HTTP service that trains in the background and answers predictions meanwhile: `node examples/service/server.mjs [--port 8080]`.
//   POST /predict  { "images": [[784 numbers in 0 .. 255], ...] } -> { "labels": [...], "probabilities": [[...], ...], "version": 3 }
//   POST /train    { "epochs": 5 } -> 202; 409 while it trains
//   GET  /events   server-sent events: epoch, reload, end, error
//   GET  /status   what it does, the version of the weights in use, the event loop's delay in milliseconds
// One network learns and another one answers: after each epoch the second takes over the first one's weights between two batches of
// predictions, so no request waits for it. SIGTERM: the training ends after its step, what was asked is answered, then the process ends.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { cnn4, digits, sequential, softmax } from 'steepest';
import { Batcher } from './batcher.mjs';

const SIZE = 28 * 28;
const MOST_BYTES = 4 << 20;

class HttpError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** The body as JSON; refuses what is too long before it is read. */
async function readJson(request) {
  const parts = [];
  let bytes = 0;
  for await (const part of request) {
    bytes += part.length;
    if (bytes > MOST_BYTES) throw new HttpError(413, `the body is longer than ${MOST_BYTES} bytes`);
    parts.push(part);
  }
  try {
    return JSON.parse(Buffer.concat(parts).toString() || '{}');
  } catch {
    throw new HttpError(400, 'the body is no JSON');
  }
}

function readImages(body) {
  const images = body?.images;
  if (!Array.isArray(images) || images.length === 0) throw new HttpError(400, "'images' is no array of images");
  return images.map((image, i) => {
    const right = Array.isArray(image) && image.length === SIZE && image.every((v) => v >= 0 && v <= 255);
    if (!right) throw new HttpError(400, `images[${i}] is not ${SIZE} numbers in 0 .. 255`);
    return Uint8Array.from(image);
  });
}

/** Those who listen to /events. */
class Listeners {
  #responses = new Set();

  add(response) {
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    response.flushHeaders();
    this.#responses.add(response);
    response.on('close', () => this.#responses.delete(response));
  }

  send(event, data) {
    for (const response of this.#responses) response.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  }

  end() {
    for (const response of this.#responses) response.end();
  }
}

/**
 * @param {{ rows?: number, threads?: number, seed?: number }} options digits to learn from; threads of the training
 * @returns the server, not listening yet, with `stop()`
 */
export function createService({ rows = 10_000, threads, seed = 1 } = {}) {
  const network = (last, more) =>
    sequential({ inputShape: [28, 28, 1], seed, ...more }, [...cnn4({ inputShape: [28, 28, 1] }).layers, ...last]);
  const learner = network([], { threads });
  const answerer = network([softmax()], { threads: 1 });
  const data = digits({ count: rows, seed });
  const validationData = digits({ count: Math.ceil(rows / 10), seed, split: 'test' });
  const listeners = new Listeners();
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  let version = 0;
  let run;

  const batcher = new Batcher(async (images) => {
    const x = new Uint8Array(images.length * SIZE);
    for (const [i, image] of images.entries()) x.set(image, i * SIZE);
    const used = version;
    const outputs = await answerer.predict(x);
    const classes = outputs.length / images.length;
    return images.map((_, i) => ({
      probabilities: Array.from(outputs.subarray(i * classes, (i + 1) * classes)),
      version: used,
    }));
  });

  /** The answering network takes over what the learning one knows. */
  function reload() {
    const weights = learner.weights();
    batcher.between(() => {
      answerer.setWeights(weights);
      listeners.send('reload', { version: ++version });
    });
  }

  async function train(epochs) {
    try {
      run = learner.fit(data, { epochs, batchSize: 128, validationData, onEpochEnd: reload });
      for await (const { epoch, trainLoss, testAccuracy } of run)
        listeners.send('epoch', { epoch, trainLoss, testAccuracy });
      listeners.send('end', { stopped: (await run).stopped });
    } catch (error) {
      listeners.send('error', { message: error.message });
    } finally {
      run = undefined;
    }
  }

  const routes = {
    async 'POST /predict'(request) {
      const images = readImages(await readJson(request));
      const answers = await Promise.all(images.map((image) => batcher.ask(image)));
      const probabilities = answers.map((answer) => answer.probabilities);
      const labels = probabilities.map((p) => p.indexOf(Math.max(...p)));
      return { labels, probabilities, version: Math.min(...answers.map((answer) => answer.version)) };
    },
    async 'POST /train'(request) {
      const { epochs = 5 } = await readJson(request);
      if (!Number.isInteger(epochs) || epochs < 1)
        throw new HttpError(400, "'epochs' is no whole number of at least 1");
      if (run !== undefined) throw new HttpError(409, 'it trains already');
      train(epochs);
      return { epochs };
    },
    async 'GET /status'() {
      const [mean, p99] = [delay.mean, delay.percentile(99)].map((ns) => ns / 1e6);
      return { training: run !== undefined, version, eventLoopDelay: { mean, p99 } };
    },
  };

  const server = createServer(async (request, response) => {
    const where = `${request.method} ${request.url}`;
    if (where === 'GET /events') return listeners.add(response);
    let [status, answer] = [200, undefined];
    try {
      if (routes[where] === undefined) throw new HttpError(404, `there is no ${where}`);
      answer = await routes[where](request);
      if (where === 'POST /train') status = 202;
    } catch (error) {
      status = error.status ?? (error.code === 'BUSY' ? 503 : 500);
      answer = { error: error.message };
    }
    if (status === 413) response.setHeader('connection', 'close'); // the rest of the body is not read
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
  });

  /** Ends the training after its step, answers what was asked, closes. */
  server.stop = async () => {
    const closed = once(server, 'close');
    server.close();
    listeners.end();
    run?.stop();
    await run;
    await batcher.drained();
    server.closeIdleConnections();
    await closed;
    learner.dispose();
    answerer.dispose();
    delay.disable();
  };
  return server;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const options = { port: { type: 'string', default: '8080' }, rows: { type: 'string' }, threads: { type: 'string' } };
  const { values } = parseArgs({ options });
  const numbers = Object.fromEntries(Object.entries(values).map(([name, text]) => [name, Number(text)]));
  const server = createService(numbers);
  server.listen(numbers.port, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}`));
  process.once('SIGTERM', () => server.stop());
  process.once('SIGINT', () => server.stop());
}
