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

STEEPEST_KERNELS_END
