// What a batch normalization needs of a convolution's output: of each channel the mean and the sum of squared deviations from it, in each square
// of 4 x 4 pixels (cut at the edges). The origin of a square is its first pixel, so a large mean costs no digits.
#pragma once
#include "pixels.cuh"

STEEPEST_KERNELS_BEGIN

constexpr int kSquare = 4;

template <int W>
struct Squares {
  const float* y;
  float* moments;
  int h, w, k;
  Pixels squares;
  Divisor channels;  // k / W

  __device__ void operator()(int64_t i) const {
    int channel;
    const int index = channels.divide(small(i), channel);
    const Pixel square = squares.at(index);
    const int top = square.row * kSquare, left = square.column * kSquare, rows = min(kSquare, h - top), columns = min(kSquare, w - left);
    const float* const corner = y + ((static_cast<int64_t>(square.image) * h + top) * w + left) * k + channel * W;
    const Channels<W> origin = channels_at<W>(corner);
    Channels<W> sum{}, squared{};
    STEEPEST_UNROLL
    for (int row = 0; row < kSquare; ++row) {
      STEEPEST_UNROLL
      for (int column = 0; column < kSquare; ++column) {
        if (row >= rows || column >= columns) continue;
        const Channels<W> values = channels_at<W>(corner + (static_cast<int64_t>(row) * w + column) * k);
        for (int v = 0; v < W; ++v) {
          const float distance = values.at[v] - origin.at[v];
          sum.at[v] += distance;
          squared.at[v] = fmaf(distance, distance, squared.at[v]);
        }
      }
    }
    Channels<W> mean, deviation;
    for (int v = 0; v < W; ++v) {
      const float offset = sum.at[v] / static_cast<float>(rows * columns);
      mean.at[v] = origin.at[v] + offset;
      deviation.at[v] = fmaf(offset, -sum.at[v], squared.at[v]);
    }
    float* const to = moments + static_cast<int64_t>(index) * 2 * k + channel * W;
    put(to, mean);
    put(to + k, deviation);
  }
};

// y[n, h, w, k] -> moments[n, squares, 2, k].
inline void moments_of_squares(const char* kernel, const float* y, float* moments, int64_t n, int64_t h, int64_t w, int64_t k, Stream& stream) {
  by_channels(k % 4 == 0 && aligned(16, y, moments), [&](auto width) {
    constexpr int W = decltype(width)::value;
    const int64_t rows = ceil_div(h, kSquare), columns = ceil_div(w, kSquare), threads = n * rows * columns * (k / W);
    fits(kernel, {{"n", n}, {"p", h}, {"q", w}, {"k", k}}, {threads});
    elementwise(stream, threads, Squares<W>{y, moments, small(h), small(w), small(k), Pixels(rows, columns), Divisor(k / W)});
  });
}

STEEPEST_KERNELS_END
