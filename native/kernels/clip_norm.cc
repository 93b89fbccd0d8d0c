// The factor that makes a gradient no longer than a limit (Pascanu, Mikolov and Bengio 2013, algorithm 1). The optimizers take it in their own pass.
#include "reduce.h"

STEEPEST_KERNELS_BEGIN

// g[n] -> factor[1] = min(1, limit / |g|); NaN where g has one.
void clip_norm(const clip_norm_args& a, Team& team) {
  const double norm = __builtin_sqrt(sum_of(team, a.g, a.n, [](vdouble v) { return v * v; }));
  a.factor[0] = static_cast<float>(norm <= a.limit ? 1.0 : a.limit / norm);
}

STEEPEST_KERNELS_END
