// What becomes of a value after its sum, before it is written.
#pragma once
#include "lanes.h"

STEEPEST_KERNELS_BEGIN

struct Ending {
  const float* addend;  // added; may be null
  bool relu;
  const float* mask;  // 0 where it is not positive; may be null

  // Whether there is more than relu, which a product has of itself.
  bool reads() const { return addend || mask; }

  STEEPEST_INLINE void prefetch(int64_t i) const {
    if (addend) __builtin_prefetch(addend + i);
    if (mask) __builtin_prefetch(mask + i);
  }

  // Of the value that is element i of the output.
  template <class At>
  STEEPEST_INLINE vfloat of(vfloat value, int64_t i, At at) const {
    if (addend) value += at.load(addend + i);
    if (relu) value = STEEPEST_ISA::relu(value);
    if (mask) value = choose(at.load(mask + i) > 0.0f, value, vfloat{});
    return value;
  }

  // c[rows, columns], rows c_step apart, in place: the elements from i on of an output with rows k apart.
  void apply(float* c, int64_t c_step, int64_t rows, int64_t columns, int64_t i, int64_t k) const {
    for (; rows > 0; --rows, c += c_step, i += k)
      for_lanes(0, columns, [=](int64_t j, auto at) { at.store(c + j, of(at.load(c + j), i + j, at)); });
  }
};

constexpr int64_t kSquare = 4;

// For a batch normalization, two numbers a channel of each square of 4 x 4 pixels (cut at the edges) of images of h x w: the mean and the sum of
// squared deviations from it. The origin of a square is its first pixel, so a large mean costs no digits.
struct Moments {
  int64_t h, w, k;
  float* to;  // [n, squares, 2, k], or null

  // Of a vector of channels from v on; value(i, j): those of a pixel of the square with its corner at (top, left).
  template <class At, class Value>
  STEEPEST_INLINE void square(int64_t image, int64_t top, int64_t left, int64_t v, At at, Value value) const {
    const int64_t rows = least(kSquare, h - top), columns = least(kSquare, w - left);
    const vfloat origin = value(0, 0);
    vfloat sum{}, squared{};
#pragma GCC unroll 4
    for (int i = 0; i < kSquare; ++i)
#pragma GCC unroll 4
      for (int j = 0; j < kSquare; ++j) {
        if (i >= rows || j >= columns) continue;
        const vfloat distance = value(i, j) - origin;
        sum += distance;
        squared = fma(distance, distance, squared);
      }
    float* const pair = to + ((image * ceil_div(h, kSquare) + top / kSquare) * ceil_div(w, kSquare) + left / kSquare) * 2 * k + v;
    const vfloat offset = sum * broadcast(1.0f / static_cast<float>(rows * columns));
    at.store(pair, origin + offset);
    at.store(pair + k, fma(offset, vfloat{} - sum, squared));
  }

  // Of n images of finished values.
  void of(const float* values, int64_t n, Team& team) const {
    const int64_t wide = ceil_div(w, kSquare), squares = ceil_div(h, kSquare) * wide;
    team.parallel(n * squares, 16, [=](int64_t begin, int64_t end, int) {
      for (int64_t s = begin; s < end; ++s) {
        const int64_t image = s / squares, top = s % squares / wide * kSquare, left = s % wide * kSquare;
        const float* const corner = values + ((image * h + top) * w + left) * k;
        for_lanes(0, k, [=](int64_t v, auto at) { square(image, top, left, v, at, [=](int64_t i, int64_t j) { return at.load(corner + (i * w + j) * k + v); }); });
      }
    });
  }
};

STEEPEST_KERNELS_END
