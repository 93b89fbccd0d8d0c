// 1 where the first maximum of a row stands at its label, else 0; for k = 1, 1 where (z >= threshold) is the label
// (the decision sgn(w'x) of the lecture notes, 1.1). A row with a NaN, or a label out of range, gives 0.
#include "rows.cuh"

STEEPEST_KERNELS_BEGIN

// z[rows, k], labels[rows] -> correct[rows].
void accuracy_forward(const accuracy_forward_args& a, Stream& stream) {
  if (a.k == 1) {
    elementwise(stream, a.rows, [=] __device__(int64_t row) {
      const double z = a.z[row];
      const int label = a.labels[row];
      a.correct[row] = (z >= a.threshold && label == 1) || (z < a.threshold && label == 0) ? 1.0f : 0.0f;
    });
    return;
  }
  // Whether z[label] is larger than all before it and no smaller than any behind it. No comparison with a NaN holds.
  on_rows(stream, a.rows, a.k, [=] __device__(auto row) {
    const int label = a.labels[row.index];
    const float largest = label >= 0 && label < row.k ? row.of(a.z)[label] : NAN;
    float wrong = row.k == 0;
    row.each(row.one(a.z), [&](int64_t j, float z) { wrong = (j < label ? z < largest : z <= largest) ? wrong : 1.0f; });
    row.set(a.correct, row.most(wrong) > 0 ? 0.0f : 1.0f);
  });
}

STEEPEST_KERNELS_END
