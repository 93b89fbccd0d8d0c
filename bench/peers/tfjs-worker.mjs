/**
 * The side of @tensorflow/tfjs with its wasm backend in the rivals' bench: see worker.ts for the commands, subject.ts for the files.
 *
 *     node tfjs-worker.mjs DIR      DIR/node_modules holds @tensorflow/tfjs and @tensorflow/tfjs-backend-wasm
 *
 * tfjs keeps images, filters and dense weights in steepest's orders. Under Node its wasm backend has one thread, and it has no gradient of a
 * convolution: there it can only be asked.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, sep } from 'node:path';
import { createInterface } from 'node:readline';

const require = createRequire(join(process.argv[2], 'x.js'));
console.log = console.warn = console.info = console.error; // standard output is for answers
const tf = require('@tensorflow/tfjs');
const wasm = require('@tensorflow/tfjs-backend-wasm');
wasm.setWasmPaths(dirname(require.resolve('@tensorflow/tfjs-backend-wasm')) + sep);

function layerOf({ kind, options, padding }, inputShape) {
  const common = { useBias: options.useBias, activation: options.activation, ...(inputShape && { inputShape }) };
  if (kind === 'conv2d') {
    const { filters, kernelSize, strides } = options;
    const same = padding > 0;
    if (same && (strides !== 1 || 2 * padding !== kernelSize - 1)) throw new Error(`no padding ${padding} in tfjs`);
    return tf.layers.conv2d({ ...common, filters, kernelSize, strides, padding: same ? 'same' : 'valid' });
  }
  if (kind === 'dense') return tf.layers.dense({ ...common, units: options.units });
  const { poolSize, strides } = options;
  if (kind === 'maxPool2d') return tf.layers.maxPooling2d({ poolSize, strides });
  if (kind === 'flatten') return tf.layers.flatten(inputShape && { inputShape });
  if (kind === 'relu') return tf.layers.reLU(inputShape && { inputShape });
  throw new Error(`no layer for ${kind}`);
}

class Subject {
  constructor(folder) {
    const bytes = (name) => Uint8Array.from(readFileSync(join(folder, name))).buffer;
    const spec = JSON.parse(readFileSync(join(folder, 'network.json'), 'utf8'));
    this.spec = spec;
    this.parameters = new Float32Array(bytes('parameters.bin'));
    this.model = tf.sequential();
    for (const [i, layer] of spec.layers.entries())
      this.model.add(layerOf(layer, i === 0 ? spec.inputShape : undefined));
    this.x = tf.tensor(new Float32Array(bytes('x.bin')), [spec.batch, ...spec.inputShape]);
    const labels = new Int32Array(bytes('labels.bin'));
    const classes = spec.layers.at(-1).outputShape[0];
    const cross = spec.loss === 'softmaxCrossEntropy';
    const target = cross
      ? tf.oneHot(tf.tensor1d(labels, 'int32'), classes).toFloat()
      : tf.tensor2d(labels, [spec.batch, 1]);
    this.loss = () => {
      const z = this.model.apply(this.x, { training: true });
      return cross ? tf.losses.softmaxCrossEntropy(target, z) : tf.losses.meanSquaredError(target, z);
    };
    this.trains = !spec.layers.some(({ kind }) => kind === 'conv2d');
  }

  reset() {
    let at = 0;
    const weights = this.model.getWeights().map(({ shape, size }) => {
      at += size;
      return tf.tensor(this.parameters.subarray(at - size, at), shape);
    });
    if (at !== this.parameters.length) throw new Error(`${at} parameters but the file has ${this.parameters.length}`);
    this.model.setWeights(weights);
    tf.dispose(weights);
    this.optimizer = tf.train.momentum(this.spec.learningRate, this.spec.momentum);
  }

  step() {
    if (this.spec.mode === 'train') return this.optimizer.minimize(this.loss, true);
    return this.model.predict(this.x);
  }

  check(steps) {
    this.reset();
    const outputs = Array.from(this.model.predict(this.x).dataSync());
    const losses = [];
    for (let i = 0; i < steps && this.trains; i++) losses.push(this.optimizer.minimize(this.loss, true).dataSync()[0]);
    this.reset();
    return { losses, outputs, trains: this.trains };
  }

  run(steps) {
    return tf.tidy(() => {
      let last = this.step();
      last.dataSync();
      const began = performance.now();
      for (let i = 0; i < steps; i++) {
        last.dispose();
        last = this.step();
      }
      const value = last.dataSync().reduce((sum, v) => sum + v, 0);
      return { ms: (performance.now() - began) / steps, finite: Number.isFinite(value) };
    });
  }
}

let subject;
async function answer(line) {
  const [command, , count] = line.split(' ');
  if (command === 'load') {
    await tf.setBackend('wasm');
    await tf.ready();
    subject = new Subject(line.slice('load '.length));
    return { versions: { tfjs: tf.version.tfjs } };
  }
  if (command === 'check') return subject.check(Number(count));
  if (command === 'run') return subject.run(Number(count));
  return { error: `unknown command ${command}` };
}

for await (const line of createInterface({ input: process.stdin })) {
  if (line === 'quit') break;
  const reply = await answer(line).catch((error) => ({ error: String(error.message).slice(0, 500) }));
  process.stdout.write(`${JSON.stringify(reply)}\n`);
}
process.exit(0);
