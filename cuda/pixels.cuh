// The whole numbers behind convolutions and poolings: which pixel, tap or window an index is. Plain functions of the host and the device; tests
// hold them against division and loops (test/cuda/pixels.cc).
//
// Indices are 32-bit: a kernel checks on the host that what it counts stays below 2^31 (fits).
#pragma once
#include <initializer_list>
#include <stdexcept>
#include <string>
#include <utility>

#include "elementwise.cuh"
#include "kernels/kernel.h"  // output_size

STEEPEST_KERNELS_BEGIN

// Names and numbers.
using SizeList = std::initializer_list<std::pair<const char*, int64_t>>;

// Throws where one of the counts does not fit 31 bits, or an index a little behind the last one would not; `sizes` are what they were made of.
inline void fits(const char* kernel, SizeList sizes, std::initializer_list<int64_t> counts) {
  constexpr int64_t kMost = (int64_t{1} << 31) - (1 << 16);
  for (const int64_t count : counts) {
    if (count <= kMost) continue;
    std::string text;
    for (const auto& [name, value] : sizes) text += (text.empty() ? "" : ", ") + std::string(name) + " = " + std::to_string(value);
    throw std::out_of_range(std::string(kernel) + ": more than " + std::to_string(kMost) + " elements (" + text + ")");
  }
}

__host__ __device__ constexpr int small(int64_t value) { return static_cast<int>(value); }

// Division by a number known before the launch, by a multiplication and a shift: exact for 0 <= n < 2^31 and 1 <= d < 2^31 (Granlund and
// Montgomery 1994, "Division by invariant integers using multiplication": with 2^(l-1) < d <= 2^l and m = ceil(2^(31+l) / d), which is below
// 2^32, floor(n m / 2^(31+l)) is n / d).
struct Divisor {
  uint32_t d = 1, m = uint32_t{1} << 31;
  int l = 0;

  Divisor() = default;
  explicit Divisor(int64_t divisor) : d(static_cast<uint32_t>(divisor < 1 ? 1 : divisor)) {  // 0: of nothing, never divided by
    while ((uint64_t{1} << l) < d) ++l;
    m = static_cast<uint32_t>(((uint64_t{1} << (31 + l)) + d - 1) / d);
  }

  __host__ __device__ int quotient(int n) const {
    return static_cast<int>(static_cast<uint32_t>((static_cast<uint64_t>(static_cast<uint32_t>(n) * 2u) * m) >> 32) >> l);
  }
  // n = quotient * d + rest.
  __host__ __device__ int divide(int n, int& rest) const {
    const int q = quotient(n);
    rest = n - q * static_cast<int>(d);
    return q;
  }
};

struct Pixel {
  int image, row, column;
};

// Pixels of images height x width, in the order of memory.
struct Pixels {
  int height = 0, width = 0;
  Divisor image, line;

  Pixels() = default;
  Pixels(int64_t height, int64_t width) : height(small(height)), width(small(width)), image(height * width), line(width) {}

  __host__ __device__ Pixel at(int index) const {
    Pixel pixel;
    int rest;
    pixel.image = image.divide(index, rest);
    pixel.row = line.divide(rest, pixel.column);
    return pixel;
  }
  __host__ __device__ int index(const Pixel& pixel) const { return (pixel.image * height + pixel.row) * width + pixel.column; }
};

// Pixels by windows of 2 x 2: four that follow each other are the places of one of height x width windows an image, in row-major order.
struct Quads {
  Pixels windows;

  __host__ __device__ Pixel at(int index) const {
    const Pixel window = windows.at(index >> 2);
    return {window.image, 2 * window.row + (index >> 1 & 1), 2 * window.column + (index & 1)};
  }
};

// Where the taps of one dimension of a transposed convolution lie: the outputs first, first + stride, ... (`outputs` of them) are reached by
// the taps last, last - stride, ... (`taps` of them), which read the input from `begin` on, one further for each output. There are `stride`
// phases, first = 0 .. stride - 1, and no other tap reaches these outputs.
struct Phase {
  int first, outputs, last, taps, begin;

  __host__ __device__ Phase(int64_t first_, int64_t size, int64_t filter, int64_t stride, int64_t padding) {
    const int64_t lowest = (first_ + padding) % stride, count = lowest < filter ? (filter - 1 - lowest) / stride + 1 : 0;
    first = small(first_);
    outputs = size > first_ ? small(ceil_div(size - first_, stride)) : 0;
    taps = small(count);
    last = small(lowest + (count - 1) * stride);
    begin = small((first_ + padding - lowest) / stride - (count - 1));
  }
};

// Windows of r x s taps over images h x w x c: that of pixel (p, q) has its upper left corner at (p * step - above, q * step - before). The
// depth of a product is the taps of a window, (r, s, c), channels fastest.
struct Windows {
  int h = 0, w = 0, c = 0, step = 1, above = 0, before = 0;
  Divisor line, tap;  // s * c and c

  Windows() = default;
  Windows(int64_t h, int64_t w, int64_t c, int64_t s, int64_t step, int64_t above, int64_t before)
      : h(small(h)), w(small(w)), c(small(c)), step(small(step)), above(small(above)), before(small(before)), line(s * c), tap(c) {}

  // A number that no offset of n images exceeds.
  int64_t reach(int64_t n) const { return (n * h + above) * w * c + int64_t{before} * c; }

  struct Corner {
    int row, column, offset;  // offset: of the element at the corner, which may lie outside the image
  };
  struct Tap {
    int row, column, offset;  // offset: elements behind that at the corner
  };

  __host__ __device__ Corner corner(const Pixel& pixel) const {
    const int row = pixel.row * step - above, column = pixel.column * step - before;
    return {row, column, ((pixel.image * h + row) * w + column) * c};
  }
  __host__ __device__ Tap at(int k) const {
    Tap place;
    int rest, channel;
    place.row = line.divide(k, rest);
    place.column = tap.divide(rest, channel);
    place.offset = (place.row * w + place.column) * c + channel;
    return place;
  }
  // Of what is no pixel or no tap of a product, but behind the last one: never inside.
  static __host__ __device__ Corner no_corner() { return {-(1 << 30), 0, 0}; }
  static __host__ __device__ Tap no_tap() { return {1 << 29, 0, 0}; }
  __host__ __device__ bool inside(const Corner& corner, const Tap& place) const {
    return static_cast<unsigned>(corner.row + place.row) < static_cast<unsigned>(h) &&
           static_cast<unsigned>(corner.column + place.column) < static_cast<unsigned>(w);
  }
};

// The windows of one dimension that reach over a place: [from, end). Windows are `size` long, start at 0, stride, 2 stride ..., `count` of them.
struct Covering {
  int from, end;

  __host__ __device__ Covering(int place, int size, const Divisor& stride, int count) {
    from = place < size ? 0 : stride.quotient(place - size) + 1;
    end = stride.quotient(place) + 1;
    if (end > count) end = count;
  }
};

// W channels that lie side by side.
template <int W>
using Channels = Pack<float, W>;
template <int W>
__device__ inline Channels<W> channels_at(const float* from) {
  return *reinterpret_cast<const Channels<W>*>(from);
}
template <int W>
__device__ inline void put(float* to, const Channels<W>& channels) {
  *reinterpret_cast<Channels<W>*>(to) = channels;
}

// call(std::integral_constant<int, W>()): W = 4 channels a thread, or 1.
template <class F>
void by_channels(bool four, F call) {
  if (four) call(std::integral_constant<int, 4>());
  else call(std::integral_constant<int, 1>());
}

STEEPEST_KERNELS_END
