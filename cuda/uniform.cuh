// Kernels on the numbers of a random stream (kernels/philox.h): four are drawn at once, so a thread takes the four elements that they belong to.
#pragma once
#include "elementwise.cuh"
#include "kernels/philox.h"

STEEPEST_KERNELS_BEGIN

// Element i of n has number first + i.
struct Numbers {
  int64_t n, seed, stream, step, first;
};

template <class F>
struct Draw {
  Numbers of;
  int before;    // how many of the first four come before element 0
  bool vectors;  // fours stand at multiples of 16 bytes
  const float* x;
  float* y;
  F f;
};

template <class F>
__global__ void __launch_bounds__(kElementThreads) drawn(Draw<F> p) {
  const int64_t four = static_cast<int64_t>(blockIdx.x) * kElementThreads + threadIdx.x;
  const int64_t first = 4 * four - p.before;
  const auto inside = [&](int64_t i) { return i >= 0 && i < p.of.n; };
  const bool whole = p.vectors && inside(first) && inside(first + 3);
  Four x = {}, y;
  if (p.x == nullptr) {
  } else if (whole) {
    x = *reinterpret_cast<const Four*>(p.x + first);
  } else {
    for (int c = 0; c < 4; c++)
      if (inside(first + c)) x.at[c] = p.x[first + c];
  }
  const PhiloxWords words = philox_block(p.of.seed, p.of.stream, p.of.step, p.of.first / 4 + four);
  for (int c = 0; c < 4; c++) y.at[c] = p.f(uniform_of_word(words.word[c]), x.at[c]);
  if (whole) *reinterpret_cast<Four*>(p.y + first) = y;
  else
    for (int c = 0; c < 4; c++)
      if (inside(first + c)) p.y[first + c] = y.at[c];
}

// x[n] -> y[n] = f(u, x), u the number of the element. x may be null: f gets 0.
template <class F>
void draw(Stream& stream, const Numbers& of, F f, float* y, const float* x) {
  const int before = static_cast<int>(of.first % 4);
  const bool vectors = aligned(16, y - before) && (x == nullptr || aligned(16, x - before));
  const Draw<F> params{of, before, vectors, x, y, f};
  stream.launch(&drawn<F>, {of.n == 0 ? 0 : ceil_div(before + of.n, 4 * kElementThreads)}, kElementThreads, params);
}

STEEPEST_KERNELS_END
