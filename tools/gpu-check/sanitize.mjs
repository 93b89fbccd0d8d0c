// Everything on a GPU once, small: for compute-sanitizer, under which it takes some ten times as long.
//   node tools/gpu-check/sanitize.mjs [--device cuda:N] [--filter NAME]
// Each kernel on the cases of the benches, made small (products and convolutions in all precisions), held against the reference; then five training
// steps, an evaluation and a prediction of a convnet with batch normalization, a shortcut and dropout. The exit code is 1 where something is wrong.
import { createRequire } from 'node:module';
import { parseArgs } from 'node:util';

const require = createRequire(import.meta.url);
const built = (path) => require(`../../dist/${path}`);
const { chooseDevice } = built('train/device.js');
const { kernelSpecs } = built('backends/kernels.js');
const { costOf, kernelCases, shapeText, smaller } = built('cli/bench/cases.js');
const { argumentsOf, difference } = built('cli/bench/arguments.js');
const steepest = built('index.js');

const { values } = parseArgs({
  options: { device: { type: 'string', default: 'cuda' }, filter: { type: 'string', default: '' } },
});
const { device, filter } = values;
const precisions = ['fp32', 'tf32', 'bf16'];

/** Operations of a case: for the reference, and under the sanitizer. */
const WORK = 2e5;
/** One image of the largest layers has more: another layer of the same kind is on the list. */
const MOST_WORK = 1e7;

let wrong = 0;
const complain = (text) => {
  wrong++;
  console.error(text);
};

function kernels() {
  const reference = chooseDevice('gpu-sanitize', { device: 'reference' }).backend;
  const seen = new Set();
  let calls = 0;
  for (const big of kernelCases) {
    const one = smaller(big, WORK);
    const what = `${one.kernel} ${shapeText(one)}`;
    if (!one.kernel.includes(filter) || seen.has(what) || costOf(one).flops > MOST_WORK) continue;
    seen.add(what);
    const expected = argumentsOf(one);
    reference.runKernel(one.kernel, expected.buffers, expected.ints, expected.reals);
    const product = /^(gemm|conv2d)/.test(one.kernel);
    for (const precision of product ? precisions : ['fp32']) {
      const { backend } = chooseDevice('gpu-sanitize', { device, precision });
      const { buffers, ints, reals } = argumentsOf(one);
      try {
        backend.runKernel(one.kernel, buffers, ints, reals);
      } catch (error) {
        complain(`${what}, ${precision}: ${error.message}`);
        continue;
      }
      calls++;
      if (precision !== 'fp32') continue;
      for (const [i, { name, role }] of kernelSpecs[one.kernel].buffers.entries()) {
        const why = role === 'in' || buffers[i] === undefined ? undefined : difference(buffers[i], expected.buffers[i]);
        if (why !== undefined) complain(`${what}: ${name}: ${why}`);
      }
    }
  }
  return calls;
}

async function training(precision) {
  const { batchNorm, conv2d, dense, dropout, globalAveragePool2d, maxPool2d, relu, residual, sequential } = steepest;
  const model = sequential({ inputShape: [12, 12, 3], seed: 1, device, precision }, [
    conv2d({ filters: 16, kernelSize: 3, padding: 1 }),
    batchNorm(),
    relu(),
    maxPool2d(),
    residual([
      conv2d({ filters: 16, kernelSize: 3, padding: 1 }),
      batchNorm(),
      relu(),
      conv2d({ filters: 16, kernelSize: 3, padding: 1 }),
    ]),
    relu(),
    conv2d({ filters: 32, kernelSize: 3, strides: 2, padding: 1, activation: 'relu' }),
    globalAveragePool2d(),
    dropout({ rate: 0.25 }),
    dense({ units: 10 }),
  ]);
  // Five steps, the last one with fewer images.
  const rows = 4 * 16 + 5;
  const x = Uint8Array.from({ length: rows * 12 * 12 * 3 }, (_, i) => (i * 2_654_435_761) >>> 24);
  const y = Uint8Array.from({ length: rows }, (_, i) => i % 10);
  const { epochs } = await model.fit({ x, y }, { epochs: 1, batchSize: 16, optimizer: 'momentum' });
  const { loss } = await model.evaluate({ x, y });
  const outputs = await model.predict(x, { batchSize: 16 });
  for (const value of [epochs[0].trainLoss, loss, outputs[0]])
    if (!Number.isFinite(value)) complain(`training in ${precision}: ${value} where a number should be`);
  model.dispose();
  return epochs[0].trainLoss;
}

const calls = kernels();
console.log(`${calls} calls of kernels, ${wrong} wrong`);
if (filter === '')
  for (const precision of precisions) console.log(`five steps in ${precision}: mean loss ${await training(precision)}`);
console.log(wrong === 0 ? 'all right' : `${wrong} wrong`);
process.exitCode = wrong === 0 ? 0 : 1;
