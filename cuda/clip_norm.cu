// The factor that makes a gradient no longer than a limit (Pascanu, Mikolov and Bengio 2013, algorithm 1). The optimizers take it in their own pass.
#include "reduce.cuh"

STEEPEST_KERNELS_BEGIN

// g[n] -> factor[1] = min(1, limit / |g|); NaN where g has one.
void clip_norm(const clip_norm_args& a, Stream& stream) { reduce<ReduceSquare>(stream, a.g, a.n, {a.factor, 1.0, true, a.limit}); }

STEEPEST_KERNELS_END
