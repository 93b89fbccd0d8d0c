// Cross-entropy of the softmax of each row against its label: loss = log sum_j e^(z_j) - z_label
// (Goodfellow, Bengio and Courville, "Deep Learning", 2016, section 6.2.2.3). A label outside 0 .. k-1 gives NaN.
#include "rows.cuh"

STEEPEST_KERNELS_BEGIN

// z[rows, k], labels[rows] -> loss[rows].
void softmax_cross_entropy_forward(const softmax_cross_entropy_forward_args& a, Stream& stream) {
  on_rows(stream, a.rows, a.k, [=] __device__(auto row) {
    const int label = a.labels[row.index];
    const float at_label = label >= 0 && label < row.k ? row.of(a.z)[label] : NAN;
    const SoftmaxSum total = softmax_sum(row, a.z);
    row.set(a.loss, logf(total.sum) - (at_label - total.max));
  });
}

// z[rows, k], labels[rows], dloss[rows] -> dz[rows, k] = (softmax(z) - e_label) dloss.
void softmax_cross_entropy_backward(const softmax_cross_entropy_backward_args& a, Stream& stream) {
  on_rows(stream, a.rows, a.k, [=] __device__(auto row) {
    float* const dz = row.of(a.dz);
    const int label = a.labels[row.index];
    const float dloss = label >= 0 && label < row.k ? a.dloss[row.index] : NAN;
    const SoftmaxSum total = softmax_sum(row, a.z);
    const float factor = 1.0f / total.sum;
    row.each(row.one(a.z), [=](int64_t j, float z) { dz[j] = fmaf(expf(z - total.max), factor, j == label ? -1.0f : 0.0f) * dloss; });
  });
}

STEEPEST_KERNELS_END
