// Batch normalization (Ioffe and Szegedy 2015, algorithms 1 and 2): each of k channels is shifted and scaled to mean 0 and variance 1 over
// all rows, then to a mean and deviation that are learned. With s = 1 / sqrt(variance + epsilon) and x^ = (x - mean) s:
//
//   y = scale x^ + shift (+ addend, then relu)
//   dshift = sum dy, dscale = sum dy x^, dx = scale s (dy - dshift / rows - x^ dscale / rows)
//
// Sums are in double precision, of x less its first row: a mean far larger than the deviation costs no digits of the variance, and a
// constant channel has variance 0. Two ways over x forward and backward, one forward where the convolution before has summed it (moments).
#include "channels.cuh"
#include "squares.cuh"

STEEPEST_KERNELS_BEGIN

namespace {

struct BatchNormFour {
  double of[4];
};
struct BatchNormNothing {};

template <bool kVector>
__device__ BatchNormFour batch_norm_doubles(const float* p, int64_t count) {
  const Four v = channels_of<kVector>(p, count);
  return {{v.at[0], v.at[1], v.at[2], v.at[3]}};
}

// What the sums of a channel count from: its first value, or 0 where that is not a number.
__device__ inline double batch_norm_origin(float first) { return fabsf(first) <= FLT_MAX ? first : 0.0f; }

template <bool kVector>
__device__ BatchNormFour batch_norm_origins(const float* first, int64_t j, int64_t count) {
  const Four v = channels_of<kVector>(first + j, count);
  BatchNormFour origin;
  STEEPEST_UNROLL
  for (int l = 0; l < 4; l++) origin.of[l] = batch_norm_origin(v.at[l]);
  return origin;
}

// ---- the terms of sums (channels.cuh) ----

// x[rows, k]: distances from the origin, and their squares.
template <bool kVector>
struct BatchNormValues {
  static constexpr int kSums = 2, kDepth = 4;
  const float* x;
  int64_t k;

  struct Row {
    Four x;
  };
  __device__ BatchNormFour channels(int64_t j, int64_t count) const { return batch_norm_origins<kVector>(x, j, count); }
  __device__ Row load(int64_t i, int64_t j, int64_t count) const {
    Row row;
    row.x = channels_of<kVector>(x + i * k + j, count);
    return row;
  }
  __device__ void add(const BatchNormFour& origin, const Row& row, int64_t, double (&sums)[2][4]) const {
    STEEPEST_UNROLL
    for (int l = 0; l < 4; l++) {
      const double d = row.x.at[l] - origin.of[l];
      sums[0][l] += d;
      sums[1][l] += d * d;
    }
  }
};

// moments[rows, 2, k], a row for each square of 4 x 4 pixels, cut at the edges of h x w: the mean of the pixels and the sum of their squared
// deviations from it.
template <bool kVector>
struct BatchNormMoments {
  static constexpr int kSums = 2, kDepth = 2;
  const float* moments;
  int64_t k;
  int h, w;
  Pixels squares;

  struct Row {
    Four mean, rest;
  };
  __device__ BatchNormFour channels(int64_t j, int64_t count) const { return batch_norm_origins<kVector>(moments, j, count); }
  __device__ Row load(int64_t i, int64_t j, int64_t count) const {
    Row row;
    row.mean = channels_of<kVector>(moments + i * 2 * k + j, count);
    row.rest = channels_of<kVector>(moments + (i * 2 + 1) * k + j, count);
    return row;
  }
  __device__ void add(const BatchNormFour& origin, const Row& row, int64_t i, double (&sums)[2][4]) const {
    const Pixel square = squares.at(small(i));
    const double pixels = min(kSquare, h - square.row * kSquare) * min(kSquare, w - square.column * kSquare);
    STEEPEST_UNROLL
    for (int l = 0; l < 4; l++) {
      const double d = row.mean.at[l] - origin.of[l];
      sums[0][l] += d * pixels;
      sums[1][l] += d * d * pixels + row.rest.at[l];
    }
  }
};

// dy[rows, k], or 0 where the output y of a relu is not positive, and dy (x - mean).
template <bool kVector, bool kMasked>
struct BatchNormGradients {
  static constexpr int kSums = 2, kDepth = 2;
  const float *dy, *x, *y, *mean;
  int64_t k;

  struct Row {
    Four dy, x, y;  // y: only where there is a mask
    __device__ float gradient(int l) const { return !kMasked || y.at[l] > 0 ? dy.at[l] : 0.0f; }
  };
  __device__ Row load_at(int64_t i, int64_t count) const {
    Row row;
    row.dy = channels_of<kVector>(dy + i, count);
    row.x = channels_of<kVector>(x + i, count);
    if constexpr (kMasked) row.y = channels_of<kVector>(y + i, count);
    return row;
  }
  __device__ BatchNormFour channels(int64_t j, int64_t count) const { return batch_norm_doubles<kVector>(mean + j, count); }
  __device__ Row load(int64_t i, int64_t j, int64_t count) const { return load_at(i * k + j, count); }
  __device__ void add(const BatchNormFour& means, const Row& row, int64_t, double (&sums)[2][4]) const {
    STEEPEST_UNROLL
    for (int l = 0; l < 4; l++) {
      const double gradient = row.gradient(l);
      sums[0][l] += gradient;
      sums[1][l] += gradient * (row.x.at[l] - means.of[l]);
    }
  }
};

// ---- passes over all elements ----

// y = (x - mean) factor + shift + addend, then relu.
template <bool kVector>
struct BatchNormValue {
  const float *x, *addend, *mean, *factor, *shift;
  const float* variance;  // where given, factor is the scale still, of the normal value
  float epsilon;
  bool relu;
  float* y;

  struct Channels {
    Four mean, factor, shift;
  };
  struct Row {
    Four x, addend;
  };
  __device__ Channels channels(int64_t j, int64_t count) const {
    Channels c;
    c.mean = channels_of<kVector>(mean + j, count);
    c.factor = channels_of<kVector>(factor + j, count);
    c.shift = channels_of<kVector>(shift + j, count);
    if (variance) {
      const Four v = channels_of<kVector>(variance + j, count);
      STEEPEST_UNROLL
      for (int l = 0; l < 4; l++) c.factor.at[l] /= sqrtf(v.at[l] + epsilon);
    }
    return c;
  }
  __device__ Row load(int64_t i, int64_t count) const {
    Row row = {};
    row.x = channels_of<kVector>(x + i, count);
    if (addend) row.addend = channels_of<kVector>(addend + i, count);
    return row;
  }
  __device__ void store(const Channels& c, const Row& row, int64_t i, int64_t count) const {
    Four v;
    STEEPEST_UNROLL
    for (int l = 0; l < 4; l++) {
      v.at[l] = fmaf(row.x.at[l] - c.mean.at[l], c.factor.at[l], c.shift.at[l]);
      if (addend) v.at[l] += row.addend.at[l];
      if (relu && v.at[l] <= 0) v.at[l] = 0;
    }
    put_channels<kVector>(y + i, count, v);
  }
};

// dx = dy factor + (x - mean) along + shift.
template <bool kVector, bool kMasked>
struct BatchNormGradient {
  BatchNormGradients<kVector, kMasked> of;
  const float *factor, *along, *shift;
  float* dx;

  struct Channels {
    Four mean, factor, along, shift;
  };
  using Row = typename BatchNormGradients<kVector, kMasked>::Row;
  __device__ Channels channels(int64_t j, int64_t count) const {
    Channels c;
    c.mean = channels_of<kVector>(of.mean + j, count);
    c.factor = channels_of<kVector>(factor + j, count);
    c.along = channels_of<kVector>(along + j, count);
    c.shift = channels_of<kVector>(shift + j, count);
    return c;
  }
  __device__ Row load(int64_t i, int64_t count) const { return of.load_at(i, count); }
  __device__ void store(const Channels& c, const Row& row, int64_t i, int64_t count) const {
    Four v;
    STEEPEST_UNROLL
    for (int l = 0; l < 4; l++) v.at[l] = fmaf(row.gradient(l), c.factor.at[l], fmaf(row.x.at[l] - c.mean.at[l], c.along.at[l], c.shift.at[l]));
    put_channels<kVector>(dx + i, count, v);
  }
};

// ---- launches ----

__device__ inline double batch_norm_inverse_deviation(double variance, double epsilon) { return 1.0 / sqrt(variance + epsilon); }

template <bool kVector>
void batch_norm_forward_of(const batch_norm_forward_args& a, Stream& stream) {
  const ChannelShape shape(a.k);
  const int64_t k = a.k;
  const float* const moments = a.h * a.w > 0 ? a.moments : nullptr;
  const float* const first = a.rows == 0 ? nullptr : moments ? moments : a.x;
  const double n = static_cast<double>(most(a.rows, 1)), epsilon = a.epsilon;
  const float *const scale = a.scale, *const shift = a.shift;
  float *const means = a.mean, *const variances = a.variance;
  float* const factors = static_cast<float*>(stream.scratch(1, static_cast<size_t>(2 * k) * sizeof(float)));
  float* const shifts = factors + k;
  const auto finish = [=] __device__(int64_t j, const double* sums) {
    const double offset = sums[0] / n, mean = (first ? batch_norm_origin(first[j]) : 0.0) + offset;
    const double rest = sums[1] / n - offset * offset, variance = rest < 0 ? 0 : rest;
    const double factor = scale[j] * batch_norm_inverse_deviation(variance, epsilon);
    const float rounded = static_cast<float>(mean);
    means[j] = rounded;
    variances[j] = static_cast<float>(variance);
    factors[j] = static_cast<float>(factor);
    shifts[j] = static_cast<float>(shift[j] - (mean - rounded) * factor);  // what rounding the mean left
  };
  const BatchNormValue<kVector> value{a.x, a.addend, means, factors, shifts, nullptr, 0.0f, a.relu != 0, a.y};
  if (moments) {
    const int64_t high = ceil_div(a.h, kSquare), wide = ceil_div(a.w, kSquare), squares = a.rows / (a.h * a.w) * high * wide;
    fits("batch_norm_forward", {{"rows", a.rows}, {"h", a.h}, {"w", a.w}}, {squares});
    const BatchNormMoments<kVector> term{moments, k, small(a.h), small(a.w), Pixels(high, wide)};
    sum_then_rows(stream, shape, term, squares, a.rows, finish, value);
  } else {
    sum_then_rows(stream, shape, BatchNormValues<kVector>{a.x, k}, a.rows, a.rows, finish, value);
  }
}

template <bool kVector, bool kMasked>
void batch_norm_backward_of(const batch_norm_backward_args& a, Stream& stream) {
  const int64_t k = a.k;
  const double n = static_cast<double>(most(a.rows, 1)), epsilon = a.epsilon;
  const float *const scale = a.scale, *const variances = a.variance;
  float *const dscale = a.dscale, *const dshift = a.dshift;
  float* const factors = static_cast<float*>(stream.scratch(1, static_cast<size_t>(3 * k) * sizeof(float)));
  float *const alongs = factors + k, *const shifts = factors + 2 * k;
  const auto finish = [=] __device__(int64_t j, const double* sums) {
    const double s = batch_norm_inverse_deviation(variances[j], epsilon), factor = scale[j] * s;
    dshift[j] = static_cast<float>(sums[0]);
    dscale[j] = static_cast<float>(sums[1] * s);
    factors[j] = static_cast<float>(factor);
    alongs[j] = static_cast<float>(-factor * s * s * sums[1] / n);
    shifts[j] = static_cast<float>(-factor * sums[0] / n);
  };
  const BatchNormGradients<kVector, kMasked> gradients{a.dy, a.x, a.y, a.mean, k};
  const BatchNormGradient<kVector, kMasked> gradient{gradients, factors, alongs, shifts, a.dx};
  sum_then_rows(stream, ChannelShape(k), gradients, a.rows, a.rows, finish, gradient);
}

}  // namespace

// x and perhaps addend[rows, k] and moments, scale[k], shift[k] -> y[rows, k], mean[k], variance[k].
void batch_norm_forward(const batch_norm_forward_args& a, Stream& stream) {
  if (a.k % 4 == 0 && aligned(16, a.x, a.moments, a.addend, a.y, a.mean)) batch_norm_forward_of<true>(a, stream);
  else batch_norm_forward_of<false>(a, stream);
}

// x and perhaps addend[rows, k], mean[k], variance[k], scale[k], shift[k] -> y[rows, k].
void batch_norm_inference(const batch_norm_inference_args& a, Stream& stream) {
  const ChannelShape shape(a.k);
  const float epsilon = static_cast<float>(a.epsilon);
  if (a.k % 4 == 0 && aligned(16, a.x, a.mean, a.variance, a.scale, a.shift, a.addend, a.y))
    for_channels(stream, shape, a.rows, BatchNormValue<true>{a.x, a.addend, a.mean, a.scale, a.shift, a.variance, epsilon, a.relu != 0, a.y});
  else
    for_channels(stream, shape, a.rows, BatchNormValue<false>{a.x, a.addend, a.mean, a.scale, a.shift, a.variance, epsilon, a.relu != 0, a.y});
}

// mean, variance, scale, shift and perhaps bias[n] -> factor[n], offset[n].
void batch_norm_affine(const batch_norm_affine_args& a, Stream& stream) {
  const float *mean = a.mean, *variance = a.variance, *scale = a.scale, *shift = a.shift, *bias = a.bias;
  float *factors = a.factor, *offsets = a.offset;
  const double epsilon = a.epsilon;
  elementwise(stream, a.n, [=] __device__(int64_t j) {
    const double factor = scale[j] * batch_norm_inverse_deviation(variance[j], epsilon);
    factors[j] = static_cast<float>(factor);
    offsets[j] = static_cast<float>(shift[j] + ((bias ? static_cast<double>(bias[j]) : 0.0) - mean[j]) * factor);
  });
}

// dy, x and perhaps y[rows, k]; scale, mean and variance[k] -> dx[rows, k], dscale[k], dshift[k].
void batch_norm_backward(const batch_norm_backward_args& a, Stream& stream) {
  const bool vectors = a.k % 4 == 0 && aligned(16, a.dy, a.x, a.y, a.mean, a.dx);
  if (a.y) vectors ? batch_norm_backward_of<true, true>(a, stream) : batch_norm_backward_of<false, true>(a, stream);
  else vectors ? batch_norm_backward_of<true, false>(a, stream) : batch_norm_backward_of<false, false>(a, stream);
}

// oldMean, oldVariance, mean and variance[k] -> newMean, newVariance[k].
void batch_norm_average(const batch_norm_average_args& a, Stream& stream) {
  const double rows = static_cast<double>(a.rows);
  const float rate = static_cast<float>(1.0 - a.momentum), unbiased = static_cast<float>(rows / (rows - 1.0));
  const bool stays = a.rows < 2;
  const float *old_mean = a.oldMean, *old_variance = a.oldVariance, *mean = a.mean, *variance = a.variance;
  float *new_mean = a.newMean, *new_variance = a.newVariance;
  elementwise(stream, a.k, [=] __device__(int64_t j) {
    const float m = old_mean[j], v = old_variance[j];
    new_mean[j] = fmaf(rate, mean[j] - m, m);
    new_variance[j] = stays ? v : fmaf(rate, unbiased * variance[j] - v, v);
  });
}

STEEPEST_KERNELS_END
