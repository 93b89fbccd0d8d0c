// im2col: phi(pad(Z)) of lecture notes 1.3.2-1.3.5, one row for each output pixel, and its transpose.
//
//   col[(n, p, q), (r, s, c)] = x[n, p*stride + r - padding, q*stride + s - padding, c], 0 outside the image
//
// Both are bound by memory: a thread moves 4 channels, or 1.
#include "pixels.cuh"

STEEPEST_KERNELS_BEGIN

template <int W>
struct Im2colForward {
  const float* x;
  float* col;
  Windows windows;
  Pixels outputs;
  Divisor depth;  // r*s*c / W

  __device__ void operator()(int64_t i) const {
    int rest;
    const auto corner = windows.corner(outputs.at(depth.divide(static_cast<int>(i), rest)));
    const auto tap = windows.at(rest * W);
    Channels<W> values{};
    if (windows.inside(corner, tap)) values = channels_at<W>(x + corner.offset + tap.offset);
    put(col + i * W, values);
  }
};

// The windows over a pixel are added in their order.
template <int W>
struct Im2colBackward {
  const float* dcol;
  float* dx;
  Pixels inputs;
  Divisor channels, stride;  // channels: c / W
  int c, r, s, step, padding, p, q;

  __device__ void operator()(int64_t i) const {
    int channel;
    const Pixel pixel = inputs.at(channels.divide(static_cast<int>(i), channel));
    const int row = pixel.row + padding, column = pixel.column + padding;
    const Covering rows(row, r, stride, p), columns(column, s, stride, q);
    Channels<W> sum{};
    for (int y = rows.from; y < rows.end; ++y)
      for (int x = columns.from; x < columns.end; ++x) {
        const int64_t window = (static_cast<int64_t>(pixel.image) * p + y) * q + x;
        const Channels<W> share = channels_at<W>(dcol + ((window * r + row - y * step) * s + column - x * step) * c + channel * W);
        for (int v = 0; v < W; ++v) sum.at[v] += share.at[v];
      }
    put(dx + i * W, sum);
  }
};

template <class Args>
void im2col_fits(const char* kernel, const Args& a, std::initializer_list<int64_t> counts) {
  fits(kernel, {{"n", a.n}, {"h", a.h}, {"w", a.w}, {"c", a.c}, {"r", a.r}, {"s", a.s}, {"stride", a.stride}, {"padding", a.padding}}, counts);
}

// x[n, h, w, c] -> col[n*p*q, r*s*c].
void im2col_forward(const im2col_forward_args& a, Stream& stream) {
  const int64_t p = output_size(a.h, a.r, a.stride, a.padding), q = output_size(a.w, a.s, a.stride, a.padding), depth = a.r * a.s * a.c;
  const Windows windows(a.h, a.w, a.c, a.s, a.stride, a.padding, a.padding);
  by_channels(a.c % 4 == 0 && aligned(16, a.x, a.col), [&](auto width) {
    constexpr int W = decltype(width)::value;
    const int64_t threads = a.n * p * q * (depth / W);
    im2col_fits("im2col_forward", a, {windows.reach(a.n), threads});
    elementwise(stream, threads, Im2colForward<W>{a.x, a.col, windows, Pixels(p, q), Divisor(depth / W)});
  });
}

// dcol[n*p*q, r*s*c] -> dx[n, h, w, c].
void im2col_backward(const im2col_backward_args& a, Stream& stream) {
  const int64_t p = output_size(a.h, a.r, a.stride, a.padding), q = output_size(a.w, a.s, a.stride, a.padding);
  by_channels(a.c % 4 == 0 && aligned(16, a.dcol, a.dx), [&](auto width) {
    constexpr int W = decltype(width)::value;
    const int64_t threads = a.n * a.h * a.w * (a.c / W);
    im2col_fits("im2col_backward", a, {threads});
    elementwise(stream, threads, Im2colBackward<W>{a.dcol, a.dx, Pixels(a.h, a.w), Divisor(a.c / W), Divisor(a.stride), small(a.c), small(a.r), small(a.s),
                                                   small(a.stride), small(a.padding), small(p), small(q)});
  });
}

STEEPEST_KERNELS_END
