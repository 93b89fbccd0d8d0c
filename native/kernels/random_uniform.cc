// Uniform numbers on [0, 1) from Philox (philox.h).
#include "elementwise.h"
#include "uniform.h"

STEEPEST_KERNELS_BEGIN

// y[i] = number first + i of the stream.
void random_uniform(const random_uniform_args& a, Team& team) {
  const random_uniform_args args = a;
  team.parallel(a.n, kGrain, [args](int64_t begin, int64_t end, int) {
    UniformWindow window(args.seed, args.stream, args.step);
    float* const y = args.y;
    for (int64_t from = begin; from < end; from += UniformWindow::kWindow) {
      const int64_t count = least(UniformWindow::kWindow, end - from);
      const float* const u = window.numbers(args.first + from, count);
      __builtin_memcpy(y + from, u, static_cast<size_t>(count) * sizeof(float));
    }
  });
}

STEEPEST_KERNELS_END
