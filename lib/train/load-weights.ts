/** Parameters out of a safetensors file into a model, by names: this library's own files, and what PyTorch's models were saved to. */
import { type ByteSource, readSource, sourceName } from '../data/unpack.js';
import { checkOneOf, checkOptions, nearest, type SteepestError, wrongFormat, wrongType } from '../errors.js';
import { quoted } from '../failure.js';
import { PYTORCH_NAMES, type PytorchForm, pytorchForms } from '../formats/pytorch.js';
import { decodeSafetensors, type SafetensorsTensor } from '../formats/safetensors.js';
import { sameShape } from '../graph/tensor.js';
import { type BuiltLayer, buildLayers } from '../layers/graph.js';
import { Model } from './model.js';

const layouts = ['steepest', 'pytorch'] as const;

export interface LoadWeightsOptions {
  /**
   * How the file's tensors lie and what they are called. 'steepest' (default): as here. 'pytorch': filters [out, in, height, width], dense
   * weights [out, in], behind a flattened image with its channels first; `weight`, `bias`, `running_mean` and `running_var` of each module.
   */
  readonly layout?: (typeof layouts)[number];
  /**
   * What the file calls a layer, or a single parameter: { conv2d_1: 'features.0', 'dense_1.weights': 'head.matrix' }. What is not named has the
   * layer's own name.
   */
  readonly names?: Readonly<Record<string, string>>;
  /** Whether parameters that the file does not have stay as they are. Default false: that is an error. */
  readonly partial?: boolean;
}

/** A parameter, and the tensor that it is in the file. */
interface Wanted {
  readonly name: string;
  readonly tensor: string;
  readonly form: PytorchForm;
}

/**
 * Sets a model's parameters from a safetensors file. All are checked before any is set. Tensors that nothing asks for are passed over, but not
 * those of a module that a layer is named after: a bias without a layer for it is an error.
 *
 * @param source a path, a file URL, or the file's bytes: of `model.save`, or of PyTorch's safetensors.torch.save_file(net.state_dict(), ...).
 * @throws (rejects) ERR_FORMAT, with file, tensor and reason, where the file is damaged, lacks a tensor, or has one of another shape; TypeError,
 *   RangeError on options; Node's own error where the file cannot be read; an Error while steps are in flight.
 * @example
 *   await loadWeights(model, 'lenet.safetensors', {
 *     layout: 'pytorch',
 *     names: { conv2d_1: 'conv1', batchNorm_1: 'bn1', dense_1: 'fc1', dense_2: 'fc2' },
 *   });
 */
export async function loadWeights(model: Model, source: ByteSource, options?: LoadWeightsOptions): Promise<void> {
  const where = 'loadWeights';
  if (!(model instanceof Model)) throw wrongType(where, 'model', 'a model', model);
  checkOptions(where, options, ['layout', 'names', 'partial']);
  const { partial = false, names = {} } = options ?? {};
  const layout = checkOneOf(where, 'layout', options?.layout ?? 'steepest', layouts);
  if (typeof partial !== 'boolean') throw wrongType(where, 'partial', 'true or false', partial);
  const built = buildLayers(model.graph);
  checkNames(where, names, built);
  const file = sourceName(where, source);
  const { tensors } = decodeSafetensors(await readSource(source), { name: file, where });
  const fail = (message: string) => wrongFormat(where, `${file}: ${message}`);
  const wanted = parametersOf(built, model.inputShape, layout, names);
  const found = wanted.flatMap(({ name, tensor, form }) => {
    if (Object.hasOwn(tensors, tensor)) return [{ name, values: valuesOf(name, tensor, tensors[tensor]!, form, fail) }];
    if (partial) return [];
    const hint = nearest(
      tensor,
      Object.keys(tensors).filter(({ length }) => length < 200),
    );
    const named = hint
      ? ` (did you mean ${quoted(hint)}?)`
      : `; names: { ${name.replace(/\.\w+$/, '')}: ... } says another`;
    throw fail(`expected the tensor ${quoted(tensor)} for ${name}${named}`);
  });
  checkRest(new Set(wanted.map(({ tensor }) => tensor)), tensors, built, names, layout, fail);
  model.setWeights(found);
}

function checkNames(where: string, names: unknown, built: readonly BuiltLayer[]): void {
  if (names === null || typeof names !== 'object') throw wrongType(where, 'names', 'names by layer', names);
  const layers = built.filter(({ parameters }) => parameters.length > 0);
  const known = layers.flatMap(({ label, parameters }) => [label, ...parameters.map(({ name }) => `${label}.${name}`)]);
  checkOptions(`${where}: names`, names, known);
  for (const [key, value] of Object.entries(names))
    if (typeof value !== 'string') throw wrongType(where, `names.${key}`, 'a string', value);
}

type Layout = (typeof layouts)[number];
const suffix = (layout: Layout, name: string) => (layout === 'pytorch' ? PYTORCH_NAMES[name]! : name);

function parametersOf(
  built: readonly BuiltLayer[],
  inputShape: readonly number[],
  layout: Layout,
  names: Readonly<Record<string, string>>,
): Wanted[] {
  const forms = layout === 'pytorch' ? pytorchForms(built, inputShape) : undefined;
  return built.flatMap(({ label, parameters }, i) =>
    parameters.map(({ name, shape }, j) => ({
      name: `${label}.${name}`,
      tensor: names[`${label}.${name}`] ?? `${names[label] ?? label}.${suffix(layout, name)}`,
      form: forms?.[i]?.[j] ?? { shape, convert: (values) => values },
    })),
  );
}

function valuesOf(
  name: string,
  tensor: string,
  { dtype, shape, data }: SafetensorsTensor,
  form: PytorchForm,
  fail: (message: string) => SteepestError,
) {
  if (!(data instanceof Float32Array || data instanceof Float64Array) || !sameShape(shape, form.shape))
    throw fail(
      `tensor ${quoted(tensor)}: expected floats [${form.shape.join(', ')}] for ${name} but received ${dtype} [${shape.join(', ')}]`,
    );
  return form.convert(data);
}

/** A module's parameters that its layer does not have would be lost without a word. */
function checkRest(
  read: ReadonlySet<string>,
  tensors: Readonly<Record<string, SafetensorsTensor>>,
  built: readonly BuiltLayer[],
  names: Readonly<Record<string, string>>,
  layout: Layout,
  fail: (message: string) => SteepestError,
): void {
  for (const { label, parameters } of built) {
    if (parameters.length === 0) continue;
    for (const name of Object.keys(PYTORCH_NAMES)) {
      const tensor = `${names[label] ?? label}.${suffix(layout, name)}`;
      if (Object.hasOwn(tensors, tensor) && !read.has(tensor))
        throw fail(`the layer ${label} has nothing for the tensor ${quoted(tensor)}`);
    }
  }
}
