import { describe, expect, test } from 'vitest';
import { metrics } from '../../../lib/index.js';
import { dense } from '../../../lib/layers/dense.js';
import { type Model, sequential } from '../../../lib/train/model.js';
import { clusters, hasCpu } from '../tiny.js';

const all = ['loss', 'accuracy', 'top2', 'confusionMatrix', 'classificationReport', 'rocAuc'] as const;
const devices = ['reference', ...(hasCpu() ? ['cpu' as const] : [])] as const;

/** What evaluate should find, from what predict gives. */
async function expected(model: Model, { x, y }: ReturnType<typeof clusters>) {
  const classes = await model.predictClasses(x);
  const outputs = await model.predict(x);
  return {
    ...(await model.evaluate({ x, y })),
    top2: metrics.topKAccuracy(y, outputs, { k: 2 }),
    confusionMatrix: metrics.confusionMatrix(y, classes, { classes: 3 }),
    rocAuc: metrics.rocAuc(y, outputs),
  };
}

describe.each(devices)('evaluate on %s', (device) => {
  const trained = async () => {
    const model = sequential({ inputShape: [4], seed: 1, device }, [dense({ units: 3 })]);
    await model.fit(clusters(60), { batchSize: 8, epochs: 4, optimizer: 'momentum' });
    return model;
  };

  test('gives the metrics of the outputs of all rows, whatever the batch', async () => {
    const model = await trained();
    const data = clusters(50, 4, 2);
    const { classificationReport: report, ...found } = await model.evaluate(data, { metrics: all, batchSize: 16 });
    const wanted = await expected(model, data);
    expect(found).toEqual({ ...wanted, loss: expect.closeTo(wanted.loss, 5) });
    expect(Object.keys(found)).toEqual(['loss', 'accuracy', 'rows', 'top2', 'confusionMatrix', 'rocAuc']);
    expect(report).toMatchObject({ accuracy: found.accuracy, rows: 50 });
    expect(found.accuracy).toBeGreaterThan(0.4);
    expect(found.accuracy).toBeLessThan(1);
    expect(await model.evaluate(data)).toEqual({ loss: wanted.loss, accuracy: wanted.accuracy, rows: 50 });
    model.dispose();
  });

  test('joins the batches of a stream', async () => {
    const model = await trained();
    const { x, y } = clusters(50, 4, 2);
    const labels = new Int32Array(25); // filled anew for each batch
    function* halves() {
      for (const at of [0, 25]) {
        labels.set(y.subarray(at, at + 25));
        yield { x: x.subarray(at * 4, (at + 25) * 4), y: labels };
      }
    }
    const { classificationReport: report, ...found } = await model.evaluate(halves, { metrics: all });
    expect(found).toEqual({ ...(await expected(model, { x, y })), loss: expect.any(Number) });
    expect(report?.rows).toBe(50);
    model.dispose();
  });

  test('with one output there are two classes, on both sides of the threshold of the loss', async () => {
    const model = sequential({ inputShape: [1], seed: 1, device }, [dense({ units: 1, useBias: false })]);
    model.setWeights([{ name: 'dense_1.weights', values: Float32Array.of(1) }]);
    const data = { x: Float32Array.of(-2, -1, 1, 3), y: [-1, 1, -1, 1] };
    const wanted = ['confusionMatrix', 'rocAuc'] as const;
    expect(await model.evaluate(data, { loss: 'logistic', metrics: wanted })).toMatchObject({
      confusionMatrix: [
        [1, 1],
        [1, 1],
      ],
      rocAuc: 0.75,
    });
    // Of the squared error the threshold is 1/2.
    const half = { x: Float32Array.of(0.2, 0.4, 0.6, 0.8), y: [0, 0, 1, 1] };
    expect((await model.evaluate(half, { loss: 'squaredError', metrics: wanted })).confusionMatrix).toEqual([
      [2, 0],
      [0, 2],
    ]);
    await expect(model.evaluate(data, { loss: 'logistic', metrics: ['top5'] })).rejects.toThrow('two classes at least');
    model.dispose();
  });
});

test('a metric that there is not, or data without labels, is refused', async () => {
  const model = sequential({ inputShape: [4], device: 'reference' }, [dense({ units: 3 })]);
  const data = clusters(4);
  const evaluate = (names: unknown) => model.evaluate(data, { metrics: names as never });
  await expect(evaluate(['rocAUC'])).rejects.toThrow(
    "evaluate: expected one of 'loss', 'accuracy', 'top5', 'confusionMatrix', 'classificationReport', 'rocAuc' for metrics[0] but received \"rocAUC\" (did you mean 'rocAuc'?)",
  );
  await expect(evaluate(['top0'])).rejects.toThrow('for metrics[0] but received "top0"');
  await expect(evaluate('rocAuc')).rejects.toThrow('expected an array of names for metrics but received "rocAuc"');
  await expect(
    model.evaluate({ x: data.x, y: new Float32Array(12).fill(0.5) }, { loss: 'squaredError', metrics: ['rocAuc'] }),
  ).rejects.toThrow('evaluate: expected a label for each row in y for metrics ["rocAuc"]');
  model.dispose();
});
