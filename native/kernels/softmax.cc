// Softmax of each row: y_j = e^(x_j - max) / sum_i e^(x_i - max) (Goodfellow, Bengio and Courville, "Deep Learning", 2016, section 4.1).
#include "rows.h"

STEEPEST_KERNELS_BEGIN

// x[rows, k] -> y[rows, k].
void softmax_forward(const softmax_forward_args& a, Team& team) {
  const softmax_forward_args args = a;
  for_rows(team, a.rows, a.k, [args](int64_t row) {
    softmax_of_row(args.x + row * args.k, args.y + row * args.k, args.k, [](vfloat p, int64_t) { return p; });
  });
}

// dy[rows, k], y[rows, k] -> dx[rows, k] = y (dy - sum dy y).
void softmax_backward(const softmax_backward_args& a, Team& team) {
  const softmax_backward_args args = a;
  for_rows(team, a.rows, a.k, [args](int64_t row) {
    const int64_t k = args.k;
    const float *const dy = args.dy + row * k, *const y = args.y + row * k;
    float* const dx = args.dx + row * k;
    const float dot = sum_of_row(k, [=](int64_t j, auto at) { return at.load(dy + j) * at.load(y + j); });
    for_lanes(0, k, [=](int64_t j, auto at) { at.store(dx + j, at.load(y + j) * (at.load(dy + j) - dot)); });
  });
}

STEEPEST_KERNELS_END
