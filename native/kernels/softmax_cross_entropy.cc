// Cross-entropy of the softmax of each row against its label: loss = log sum_j e^(z_j) - z_label
// (Goodfellow, Bengio and Courville, "Deep Learning", 2016, section 6.2.2.3). A label outside 0 .. k-1 gives NaN.
#include "rows.h"

STEEPEST_KERNELS_BEGIN

// z[rows, k], labels[rows] -> loss[rows].
void softmax_cross_entropy_forward(const softmax_cross_entropy_forward_args& a, Team& team) {
  const softmax_cross_entropy_forward_args args = a;
  for_rows(team, a.rows, a.k, [args](int64_t row) {
    const int64_t k = args.k, label = args.labels[row];
    const float* const z = args.z + row * k;
    if (label < 0 || label >= k) {
      args.loss[row] = kNan;
      return;
    }
    const float max = largest_of_row(z, k);
    args.loss[row] = __builtin_logf(sum_of_exp(z, k, max)) - (z[label] - max);
  });
}

// z[rows, k], labels[rows], dloss[rows] -> dz[rows, k] = (softmax(z) - e_label) dloss.
void softmax_cross_entropy_backward(const softmax_cross_entropy_backward_args& a, Team& team) {
  const softmax_cross_entropy_backward_args args = a;
  for_rows(team, a.rows, a.k, [args](int64_t row) {
    const int64_t k = args.k, label = args.labels[row];
    const float* const z = args.z + row * k;
    float* const dz = args.dz + row * k;
    if (label < 0 || label >= k) return fill(dz, k, kNan);
    const float dloss = args.dloss[row];
    softmax_of_row(z, dz, k, [=](vfloat p, int64_t j) {
      const vint at_label = lane_numbers() == static_cast<int32_t>(label - j);
      return (p - choose(at_label, broadcast(1.0f), vfloat{})) * dloss;
    });
  });
}

STEEPEST_KERNELS_END
