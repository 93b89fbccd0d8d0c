// Uniform numbers on [0, 1) from Philox (kernels/philox.h).
#include "uniform.cuh"

STEEPEST_KERNELS_BEGIN

// y[i] = number first + i of the stream.
void random_uniform(const random_uniform_args& a, Stream& stream) {
  draw(stream, {a.n, a.seed, a.stream, a.step, a.first}, [] __device__(float u, float) { return u; }, a.y, nullptr);
}

STEEPEST_KERNELS_END
