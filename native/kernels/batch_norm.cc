// Batch normalization (Ioffe and Szegedy 2015, algorithms 1 and 2): each of k channels is shifted and scaled to mean 0 and variance 1 over
// all rows, then to a mean and deviation that are learned. With s = 1 / sqrt(variance + epsilon) and x^ = (x - mean) s:
//
//   y = scale x^ + shift (+ addend, then relu)
//   dshift = sum dy, dscale = sum dy x^, dx = scale s (dy - dshift / rows - x^ dscale / rows)
//
// Sums are in double precision, of x less its first row: a mean far larger than the deviation costs no digits of the variance, and a
// constant channel has variance 0. Two ways over x forward and backward, one forward where the convolution before has summed it (moments,
// ending.h); blocks of rows are summed apart, then added in their order.
#include "columns.h"
#include "ending.h"

STEEPEST_KERNELS_BEGIN

namespace {

// A vector of floats in double precision.
struct Doubles {
  vdouble low, high;
  STEEPEST_INLINE void operator+=(Doubles other) { low += other.low, high += other.high; }
};
STEEPEST_INLINE Doubles load_doubles(const float* p, Whole) { return {load_double(p), load_double(p + kHalf)}; }
STEEPEST_INLINE Doubles load_doubles(const float* p, Part at) {
  float v[kLanes];
  store(v, at.load(p));
  return load_doubles(v, Whole());
}
STEEPEST_INLINE Doubles load_doubles(const double* p) {
  Doubles v;
  __builtin_memcpy(&v, p, sizeof v);
  return v;
}

// sums[most(blocks, 1), 2, padded] of `period` rows of k columns: behind them, the totals[2 k], added in that order.
double* add_blocks(double* sums, int64_t blocks, int64_t padded, int64_t k, int64_t period) {
  double* const totals = sums + most(blocks, 1) * 2 * padded;
  for (int64_t j = 0; j < 2 * k; ++j) totals[j] = 0;
  for (int64_t b = 0; b < blocks; ++b)
    for (int64_t p = 0; p < period; ++p) {
      const double* const sum = sums + b * 2 * padded + p * k;
      for (int64_t j = 0; j < k; ++j) totals[j] += sum[j], totals[k + j] += sum[padded + j];
    }
  return totals;
}

constexpr int64_t kRowsAtOnce = 16;  // rows on a way through the sums
constexpr int kPanel = kLanes < 16 ? 1 : 4;  // vectors of columns whose sums stay in registers

// Adds the elements from + j, from + j + width ... before `stop` to the two sums of kCount vectors of columns, from column j on.
template <int kCount, class At, class Term>
STEEPEST_INLINE void sum_panel(double* sum, int64_t padded, int64_t j, int64_t from, int64_t stop, int64_t width, At at, Term term) {
  Doubles s[kCount], t[kCount];
#pragma GCC unroll 4
  for (int v = 0; v < kCount; ++v) s[v] = load_doubles(sum + j + v * kLanes), t[v] = load_doubles(sum + padded + j + v * kLanes);
  for (int64_t i = from + j; i < stop; i += width)
#pragma GCC unroll 4
    for (int v = 0; v < kCount; ++v) term(i + v * kLanes, j + v * kLanes, at, [&](Doubles to_s, Doubles to_t) { s[v] += to_s, t[v] += to_t; });
#pragma GCC unroll 4
  for (int v = 0; v < kCount; ++v) {
    __builtin_memcpy(sum + j + v * kLanes, &s[v], sizeof s[v]);
    __builtin_memcpy(sum + padded + j + v * kLanes, &t[v], sizeof t[v]);
  }
}

// Two sums of each column, in [0, k) and [k, 2k) of the result. term(i, j, at, f) calls f with what the elements from i on give to the sums of
// the columns from j on, 0 in lanes that `at` leaves out; the columns of rows taken together count apart until the end.
template <class Term>
STEEPEST_INLINE double* sum_columns(Team& team, int64_t rows, int64_t k, Term term) {
  const int64_t period = period_of(k), width = k * period, padded = ceil_div(width, kLanes) * kLanes;
  const int64_t block = block_of(rows, k, period), blocks = ceil_div(rows, block);
  double* const sums = static_cast<double*>(team.scratch(0, 0, static_cast<size_t>(most(blocks, 1) * 2 * padded + 2 * k) * sizeof(double)));
  team.parallel(blocks, 1, [=](int64_t begin, int64_t end, int) {
    for (int64_t b = begin; b < end; ++b) {
      double* const sum = sums + b * 2 * padded;
      for (int64_t j = 0; j < 2 * padded; ++j) sum[j] = 0;
      const int64_t begin_at = b * block * k, to = least((b + 1) * block, rows) * k, whole = to - (to - begin_at) % width;
      for (int64_t from = begin_at; from < whole; from += kRowsAtOnce * width) {
        const int64_t stop = least(from + kRowsAtOnce * width, whole);
        int64_t j = 0;
        for (; j + kPanel * kLanes <= width; j += kPanel * kLanes) sum_panel<kPanel>(sum, padded, j, from, stop, width, Whole(), term);
        for_lanes(j, width, [=](int64_t column, auto at) { sum_panel<1>(sum, padded, column, from, stop, width, at, term); });
      }
      for_lanes(0, to - whole, [=](int64_t j, auto at) { sum_panel<1>(sum, padded, j, whole, to, width, at, term); });
    }
  });
  return add_blocks(sums, blocks, padded, k, period);
}

// Two sums of each column over the moments [rows / (h w), squares, 2, k] of images (ending.h), in [0, k) and [k, 2k) of the result.
// term(i, j, pixels, at, add): the pair of the columns from j on lies at i and i + k, and is one of so many pixels.
template <class Term>
STEEPEST_INLINE double* sum_squares(Team& team, int64_t rows, int64_t h, int64_t w, int64_t k, Term term) {
  const int64_t wide = ceil_div(w, kSquare), squares = ceil_div(h, kSquare) * wide, images = rows / (h * w);
  const int64_t blocks = most(1, least(images, 32)), padded = ceil_div(k, kLanes) * kLanes;
  double* const sums = static_cast<double*>(team.scratch(0, 0, static_cast<size_t>(blocks * 2 * padded + 2 * k) * sizeof(double)));
  team.parallel(blocks, 1, [=](int64_t begin, int64_t end, int) {
    for (int64_t b = begin; b < end; ++b) {
      double* const sum = sums + b * 2 * padded;
      for (int64_t j = 0; j < 2 * padded; ++j) sum[j] = 0;
      for (int64_t i = images * b / blocks * squares; i < images * (b + 1) / blocks * squares; ++i) {
        const int64_t top = i % squares / wide * kSquare, left = i % wide * kSquare, pixels = least(kSquare, h - top) * least(kSquare, w - left);
        for_lanes(0, k, [=](int64_t j, auto at) {
          term(i * 2 * k + j, j, static_cast<double>(pixels), at, [=](Doubles to_s, Doubles to_t) {
            Doubles s = load_doubles(sum + j), t = load_doubles(sum + padded + j);
            s += to_s, t += to_t;
            __builtin_memcpy(sum + j, &s, sizeof s);
            __builtin_memcpy(sum + padded + j, &t, sizeof t);
          });
        });
      }
    }
  });
  return add_blocks(sums, blocks, padded, k, 1);
}

// `count` rows of period_of(k) times k floats, a whole vector longer each: numbers a column, repeated for the rows taken together.
struct Columns {
  int64_t width, stride;
  float* values;

  Columns(Team& team, int64_t k, int64_t count)
      : width(k * period_of(k)),
        stride(ceil_div(width, kLanes) * kLanes + kLanes),
        values(floats(team, 0, 1, stride * count)) {
    for (int64_t i = 0; i < stride * count; ++i) values[i] = 0;
  }
  float* row(int64_t i) const { return values + i * stride; }
  void set(int64_t i, int64_t j, int64_t k, double value) const {
    for (int64_t at = j; at < width; at += k) row(i)[at] = static_cast<float>(value);
  }
};

STEEPEST_INLINE double inverse_deviation(double variance, double epsilon) { return 1.0 / __builtin_sqrt(variance + epsilon); }

// f(i, j, at) for all vectors of x[rows, k]: element i on, in the columns j on.
template <class F>
STEEPEST_INLINE void for_columns(Team& team, int64_t rows, int64_t k, F f) {
  const int64_t period = period_of(k), width = k * period, n = rows * k;
  team.parallel(ceil_div(rows, period), row_grain(width), [=](int64_t begin, int64_t end, int) {
    for (int64_t from = begin * width; from < least(end * width, n); from += width)
      for_lanes(0, least(width, n - from), [=](int64_t j, auto at) { f(from + j, j, at); });
  });
}

// y = (x - columns 0) * columns 1 + columns 2, and its ending.
void normalize(Team& team, int64_t rows, int64_t k, const float* x, const Columns& columns, const Ending& ending, float* y) {
  const float *const mean = columns.row(0), *const factor = columns.row(1), *const shift = columns.row(2);
  for_columns(team, rows, k, [=](int64_t i, int64_t j, auto at) {
    at.store(y + i, ending.of(fma(at.load(x + i) - at.load(mean + j), at.load(factor + j), at.load(shift + j)), i, at));
  });
}

}  // namespace

// x and perhaps addend[rows, k] and moments, scale[k], shift[k] -> y[rows, k], mean[k], variance[k].
void batch_norm_forward(const batch_norm_forward_args& a, Team& team) {
  const int64_t rows = a.rows, k = a.k;
  const double n = static_cast<double>(most(rows, 1));
  const float *const x = a.x, *const moments = a.h * a.w > 0 ? a.moments : nullptr, *const first = moments ? moments : x;
  const Columns columns(team, k, 3);
  for (int64_t j = 0; j < k; ++j) columns.set(0, j, k, rows > 0 && __builtin_isfinite(first[j]) ? first[j] : 0.0f);
  const float* const origin = columns.row(0);
  const auto less_origin = [=](const float* value, int64_t j, auto at) {
    const Doubles v = load_doubles(value, at), o = load_doubles(origin + j, at);
    return Doubles{v.low - o.low, v.high - o.high};
  };
  const double* const sums =
      moments ? sum_squares(team, rows, a.h, a.w, k,
                            [=](int64_t i, int64_t j, double pixels, auto at, auto add) {
                              const Doubles d = less_origin(moments + i, j, at), rest = load_doubles(moments + i + k, at);
                              add(Doubles{d.low * pixels, d.high * pixels}, Doubles{d.low * d.low * pixels + rest.low, d.high * d.high * pixels + rest.high});
                            })
              : sum_columns(team, rows, k, [=](int64_t i, int64_t j, auto at, auto add) {
                  const Doubles d = less_origin(x + i, j, at);
                  add(d, Doubles{d.low * d.low, d.high * d.high});
                });
  for (int64_t j = 0; j < k; ++j) {
    const double offset = sums[j] / n, mean = static_cast<double>(origin[j]) + offset;
    const double rest = sums[k + j] / n - offset * offset, variance = rest < 0 ? 0 : rest;
    const double factor = static_cast<double>(a.scale[j]) * inverse_deviation(variance, a.epsilon);
    a.mean[j] = static_cast<float>(mean);
    a.variance[j] = static_cast<float>(variance);
    columns.set(0, j, k, mean);
    columns.set(1, j, k, factor);
    columns.set(2, j, k, static_cast<double>(a.shift[j]) - (mean - static_cast<double>(a.mean[j])) * factor);  // what rounding the mean left
  }
  normalize(team, rows, k, x, columns, {a.addend, a.relu != 0, nullptr}, a.y);
}

// x and perhaps addend[rows, k], mean[k], variance[k], scale[k], shift[k] -> y[rows, k].
void batch_norm_inference(const batch_norm_inference_args& a, Team& team) {
  const Columns columns(team, a.k, 3);
  for (int64_t j = 0; j < a.k; ++j) {
    columns.set(0, j, a.k, a.mean[j]);
    columns.set(1, j, a.k, static_cast<double>(a.scale[j]) * inverse_deviation(a.variance[j], a.epsilon));
    columns.set(2, j, a.k, a.shift[j]);
  }
  normalize(team, a.rows, a.k, a.x, columns, {a.addend, a.relu != 0, nullptr}, a.y);
}

// mean, variance, scale, shift and perhaps bias[n] -> factor[n], offset[n].
void batch_norm_affine(const batch_norm_affine_args& a, Team&) {
  for (int64_t j = 0; j < a.n; ++j) {
    const double factor = static_cast<double>(a.scale[j]) * inverse_deviation(a.variance[j], a.epsilon);
    const double bias = a.bias ? static_cast<double>(a.bias[j]) : 0.0;
    a.factor[j] = static_cast<float>(factor);
    a.offset[j] = static_cast<float>(static_cast<double>(a.shift[j]) + (bias - static_cast<double>(a.mean[j])) * factor);
  }
}

namespace {

// dy, or 0 where the output y of a relu is not positive.
struct Plain {
  const float* dy;
  template <class At>
  STEEPEST_INLINE Doubles doubles(int64_t i, At at) const {
    return load_doubles(dy + i, at);
  }
  template <class At>
  STEEPEST_INLINE vfloat whole(int64_t i, At at) const {
    return at.load(dy + i);
  }
};
struct Masked {
  const float *dy, *y;
  template <class At>
  STEEPEST_INLINE Doubles doubles(int64_t i, At at) const {
    const Doubles gradient = load_doubles(dy + i, at), output = load_doubles(y + i, at);
    return {output.low > 0.0 ? gradient.low : vdouble{}, output.high > 0.0 ? gradient.high : vdouble{}};
  }
  template <class At>
  STEEPEST_INLINE vfloat whole(int64_t i, At at) const {
    return choose(at.load(y + i) > 0.0f, at.load(dy + i), vfloat{});
  }
};

template <class Gradient>
STEEPEST_INLINE void backward(const batch_norm_backward_args& a, Team& team, Gradient dy) {
  const int64_t rows = a.rows, k = a.k;
  const double n = static_cast<double>(most(rows, 1));
  const float* const x = a.x;
  const Columns columns(team, k, 4);
  for (int64_t j = 0; j < k; ++j) columns.set(0, j, k, a.mean[j]);
  const float* const mean = columns.row(0);
  const double* const sums = sum_columns(team, rows, k, [=](int64_t i, int64_t j, auto at, auto add) {
    const Doubles gradient = dy.doubles(i, at), v = load_doubles(x + i, at), m = load_doubles(mean + j, at);
    add(gradient, Doubles{gradient.low * (v.low - m.low), gradient.high * (v.high - m.high)});
  });
  for (int64_t j = 0; j < k; ++j) {
    const double s = inverse_deviation(a.variance[j], a.epsilon), factor = static_cast<double>(a.scale[j]) * s;
    a.dshift[j] = static_cast<float>(sums[j]);
    a.dscale[j] = static_cast<float>(sums[k + j] * s);
    columns.set(1, j, k, factor);
    columns.set(2, j, k, -factor * s * s * sums[k + j] / n);
    columns.set(3, j, k, -factor * sums[j] / n);
  }
  const float *const factor = columns.row(1), *const along = columns.row(2), *const shift = columns.row(3);
  float* const dx = a.dx;
  for_columns(team, rows, k, [=](int64_t i, int64_t j, auto at) {
    const vfloat rest = fma(at.load(x + i) - at.load(mean + j), at.load(along + j), at.load(shift + j));
    at.store(dx + i, fma(dy.whole(i, at), at.load(factor + j), rest));
  });
}

}  // namespace

// dy, x and perhaps y[rows, k]; scale, mean and variance[k] -> dx[rows, k], dscale[k], dshift[k].
void batch_norm_backward(const batch_norm_backward_args& a, Team& team) {
  if (a.y == nullptr) backward(a, team, Plain{a.dy});
  else backward(a, team, Masked{a.dy, a.y});
}

// oldMean, oldVariance, mean and variance[k] -> newMean, newVariance[k].
void batch_norm_average(const batch_norm_average_args& a, Team& team) {
  const double rows = static_cast<double>(a.rows);
  const vfloat rate = broadcast(static_cast<float>(1.0 - a.momentum));
  const vfloat unbiased = broadcast(static_cast<float>(rows / (rows - 1.0)));
  const vint stays = broadcast(static_cast<int32_t>(a.rows < 2 ? -1 : 0));
  const float *const old_mean = a.oldMean, *const old_variance = a.oldVariance, *const mean = a.mean, *const variance = a.variance;
  float *const new_mean = a.newMean, *const new_variance = a.newVariance;
  elementwise(team, a.k, [=](int64_t j, auto at) {
    const vfloat m = at.load(old_mean + j), v = at.load(old_variance + j);
    at.store(new_mean + j, fma(rate, at.load(mean + j) - m, m));
    at.store(new_variance + j, choose(stays, v, fma(rate, unbiased * at.load(variance + j) - v, v)));
  });
}

STEEPEST_KERNELS_END
