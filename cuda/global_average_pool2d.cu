// Global average pooling (Lin et al. 2014, section 3.2): the mean of each channel of an image; backward spreads a gradient evenly over it.
#include "channels.cuh"
#include "pixels.cuh"

STEEPEST_KERNELS_BEGIN

// x[pixels of all images, c].
template <bool kVector>
struct GlobalAverageTerm {
  static constexpr int kSums = 1, kDepth = 4;
  const float* x;
  int64_t c;

  struct Kept {};
  using Row = Four;
  __device__ Kept channels(int64_t, int64_t) const { return {}; }
  __device__ Row load(int64_t i, int64_t j, int64_t count) const { return channels_of<kVector>(x + i * c + j, count); }
  __device__ void add(Kept, const Row& row, int64_t, double (&sums)[1][4]) const {
    STEEPEST_UNROLL
    for (int l = 0; l < 4; l++) sums[0][l] += row.at[l];
  }
};

template <bool kVector>
void global_average(const global_average_pool2d_forward_args& a, Stream& stream) {
  const ChannelShape shape(a.c);
  const int64_t c = a.c, area = a.h * a.w, n = a.n * c;
  // A block takes an image's pixels, if they are not very many.
  const int64_t chunk = 32 * shape.rows(), chunks = most(1, ceil_div(area, chunk));
  float* const y = a.y;
  double* const parts = chunks == 1 ? nullptr : static_cast<double*>(stream.scratch(0, static_cast<size_t>(chunks * n) * sizeof(double)));
  const double count = static_cast<double>(area);
  const GlobalAverageTerm<kVector> term{a.x, c};
  sum_channels(stream, shape, term, a.n, area, chunk, [=] __device__(int64_t image, int64_t part, int64_t j, const double* sum) {
    if (parts) parts[part * n + image * c + j] = sum[0];
    else y[image * c + j] = static_cast<float>(sum[0] / count);
  });
  if (parts) total_channels<1>(stream, parts, chunks, n, [=] __device__(int64_t i, const double* sum) { y[i] = static_cast<float>(sum[0] / count); });
}

// A thread has W channels of a pixel.
template <int W>
struct GlobalAverageGradient {
  const float* dy;
  float* dx;
  Divisor image, channels;  // threads of an image, and of a pixel
  float area;

  __device__ void operator()(int64_t i) const {
    int rest, channel;
    const int at = image.divide(small(i), rest);
    channels.divide(rest, channel);
    Channels<W> values = channels_at<W>(dy + (static_cast<int64_t>(at) * channels.d + channel) * W);
    for (int v = 0; v < W; ++v) values.v[v] /= area;
    put(dx + i * W, values);
  }
};

// x[n, h, w, c] -> y[n, c].
void global_average_pool2d_forward(const global_average_pool2d_forward_args& a, Stream& stream) {
  if (a.c % 4 == 0 && aligned(16, a.x)) global_average<true>(a, stream);
  else global_average<false>(a, stream);
}

// dy[n, c] -> dx[n, h, w, c].
void global_average_pool2d_backward(const global_average_pool2d_backward_args& a, Stream& stream) {
  by_channels(a.c % 4 == 0 && aligned(16, a.dy, a.dx), [&](auto width) {
    constexpr int W = decltype(width)::value;
    const int64_t wide = a.c / W, image = a.h * a.w * wide;
    fits("global_average_pool2d_backward", sizes_of({{"n", a.n}, {"h", a.h}, {"w", a.w}, {"c", a.c}}), {a.n * image});
    elementwise(stream, a.n * image, GlobalAverageGradient<W>{a.dy, a.dx, Divisor(image), Divisor(wide), static_cast<float>(a.h * a.w)});
  });
}

STEEPEST_KERNELS_END
