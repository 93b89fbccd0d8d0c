// y = a + b, element by element.
#include "elementwise.h"

STEEPEST_KERNELS_BEGIN

// a[n], b[n] -> y[n].
void add_forward(const add_forward_args& args, Team& team) {
  const float *const a = args.a, *const b = args.b;
  float* const y = args.y;
  elementwise(team, args.n, [=](int64_t i, auto at) { at.store(y + i, at.load(a + i) + at.load(b + i)); });
}

STEEPEST_KERNELS_END
