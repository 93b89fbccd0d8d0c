/** Models to ONNX and back. Its messages are protocol buffers, whose library is loaded when it is first asked for. */
import { type ByteSource, readSource, sourceName } from '../data/unpack.js';
import { checkOptions, wrongType } from '../errors.js';
import { naming } from '../failure.js';
import { type DeviceOptions, deviceOptionNames } from './device.js';
import { Model } from './model.js';

/**
 * The bytes of an ONNX file of the network for inference (opset 17, float32): what it makes of any number of rows is what `predict` gives. Input and
 * output lie as here, channels last; turns to ONNX's order are in the file. Blocks are taken apart, dropout does nothing; stochastic pooling is an
 * operator that the file defines.
 *
 * @throws (rejects) ERR_FORMAT where a layer is not one of this library's; ERR_DISPOSED; an Error while steps are in flight.
 * @example await writeFile('digits.onnx', await toOnnx(model));
 */
export async function toOnnx(model: Model): Promise<Uint8Array> {
  if (!(model instanceof Model)) throw wrongType('toOnnx', 'model', 'a model', model);
  const { encodeOnnx } = await import('../formats/onnx/export.js');
  return encodeOnnx({ name: model.name, graph: model.graph, weights: model.weights() });
}

/**
 * The model of an ONNX file, to be used and trained on, from a path or from memory. It may be made of Conv, Gemm, MatMul, BatchNormalization, MaxPool,
 * AveragePool, GlobalAveragePool, ReduceMean of height and width, Relu, Sigmoid, Tanh, Softmax, Dropout, Flatten, Reshape to rows, Pad, Sum, Add, Transpose and Identity (operators of
 * set 13 or later), with one input and one output, as PyTorch's exporters and `toOnnx` write them. Images have their channels last here,
 * whatever the file has: weights behind a flattened image are put in that order. What joins a convolution or product (bias, activation) is one layer.
 *
 * @param source a path, a file URL, or the file's bytes.
 * @param options device, threads and precision, as for `sequential`.
 * @throws (rejects) ERR_FORMAT, with the file, the node and the reason, where the file is damaged or has what no layer here does; TypeError,
 *   RangeError on options; ERR_NO_DEVICE; Node's own error where the file cannot be read.
 * @example const model = await fromOnnx('digits.onnx');
 */
export async function fromOnnx(source: ByteSource, options?: DeviceOptions): Promise<Model> {
  checkOptions('fromOnnx', options, deviceOptionNames);
  const file = sourceName('fromOnnx', source);
  const { decodeOnnx } = await import('../formats/onnx/import.js');
  const bytes = await readSource(source);
  const { name, graph, weights } = naming('fromOnnx', file, () => decodeOnnx(bytes));
  return new Model('fromOnnx', { ...options, name }, graph, weights);
}
