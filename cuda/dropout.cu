// Inverted dropout (Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting", JMLR 2014, section 10).
// Applied to dy it is its own backward.
#include "uniform.cuh"

STEEPEST_KERNELS_BEGIN

// x[n] -> y[n] = x / (1 - rate) where u >= rate, else 0; u = number first + i of the stream.
void dropout_forward(const dropout_forward_args& a, Stream& stream) {
  // u is a whole multiple of 2^-24, so u >= rate asks the same as u >= the next such multiple, which a float holds exactly.
  const float threshold = static_cast<float>(std::ceil(a.rate * 16777216.0) / 16777216.0);
  const float factor = static_cast<float>(1.0 / (1.0 - a.rate));
  draw(stream, {a.n, a.seed, a.stream, a.step, a.first}, [=] __device__(float u, float x) { return u >= threshold ? x * factor : 0.0f; }, a.y, a.x);
}

STEEPEST_KERNELS_END
