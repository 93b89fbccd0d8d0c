// Zero padding, P_pad (lecture notes 1.3.5): `padding` rows and columns of zeros on each side; backward cuts them off again (P_pad').
#include "pixels.cuh"

STEEPEST_KERNELS_BEGIN

// Rows of memory: an image row is one run of w*c numbers, `side` numbers from the begin of its padded row.
template <int W>
struct ZeroPad {
  const float* from;
  float* to;
  Divisor width, height;  // of a row of `to` (in W numbers), of an image of it (in rows)
  int h, padding, inner, side;

  // x[n, h, inner] -> y[n, h + 2 padding, inner + 2 side]
  __device__ void operator()(int64_t i) const {
    int place, row;
    const int image = height.divide(width.divide(small(i), place), row);
    row -= padding;
    place = place * W - side;
    Channels<W> values{};
    if (row >= 0 && row < h && place >= 0 && place < inner) values = channels_at<W>(from + (static_cast<int64_t>(image) * h + row) * inner + place);
    put(to + i * W, values);
  }
};

template <int W>
struct ZeroPadCut {
  const float* from;
  float* to;
  Divisor width, height;
  int h, padding, inner, side;

  // dy[n, h + 2 padding, inner + 2 side] -> dx[n, h, inner]
  __device__ void operator()(int64_t i) const {
    int place, row;
    const int image = height.divide(width.divide(small(i), place), row);
    const int64_t padded = static_cast<int64_t>(image) * (h + 2 * padding) + row + padding;
    put(to + i * W, channels_at<W>(from + padded * (inner + 2 * side) + side + place * W));
  }
};

template <class Args>
void zero_pad_fits(const char* kernel, const Args& a, int64_t threads) {
  fits(kernel, {{"n", a.n}, {"h", a.h}, {"w", a.w}, {"c", a.c}, {"padding", a.padding}}, {threads});
}

// x[n, h, w, c] -> y[n, h + 2 padding, w + 2 padding, c].
void zero_pad2d_forward(const zero_pad2d_forward_args& a, Stream& stream) {
  const int64_t height = a.h + 2 * a.padding, inner = a.w * a.c, side = a.padding * a.c;
  by_channels((inner | side) % 4 == 0 && aligned(16, a.x, a.y), [&](auto channels) {
    constexpr int W = decltype(channels)::value;
    const int64_t width = (inner + 2 * side) / W;
    zero_pad_fits("zero_pad2d_forward", a, a.n * height * width);
    elementwise(stream, a.n * height * width,
                ZeroPad<W>{a.x, a.y, Divisor(width), Divisor(height), small(a.h), small(a.padding), small(inner), small(side)});
  });
}

// dy[n, h + 2 padding, w + 2 padding, c] -> dx[n, h, w, c].
void zero_pad2d_backward(const zero_pad2d_backward_args& a, Stream& stream) {
  const int64_t inner = a.w * a.c, side = a.padding * a.c;
  by_channels((inner | side) % 4 == 0 && aligned(16, a.dy, a.dx), [&](auto channels) {
    constexpr int W = decltype(channels)::value;
    const int64_t width = inner / W;
    zero_pad_fits("zero_pad2d_backward", a, a.n * a.h * width);
    elementwise(stream, a.n * a.h * width,
                ZeroPadCut<W>{a.dy, a.dx, Divisor(width), Divisor(a.h), small(a.h), small(a.padding), small(inner), small(side)});
  });
}

STEEPEST_KERNELS_END
