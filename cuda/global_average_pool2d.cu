// Global average pooling (Lin et al. 2014, section 3.2): the mean of each channel of an image; backward spreads a gradient evenly over it.
#include "channels.cuh"

STEEPEST_KERNELS_BEGIN

namespace {

// x[places, c] of all images.
template <bool kVector>
struct GlobalAverageTerm {
  static constexpr int kSums = 1, kDepth = 4;
  const float* x;
  int64_t c;

  struct Channels {};
  struct Row {
    float x[4];
  };
  __device__ Channels channels(int64_t, int64_t) const { return {}; }
  __device__ Row load(int64_t i, int64_t j, int64_t count) const {
    Row row;
    load_four<kVector>(x + i * c + j, count, row.x);
    return row;
  }
  __device__ void add(Channels, const Row& row, int64_t, double (&sums)[1][4]) const {
#pragma unroll
    for (int l = 0; l < 4; l++) sums[0][l] += row.x[l];
  }
};

template <bool kVector>
void global_average_pool2d_forward_of(const global_average_pool2d_forward_args& a, Stream& stream) {
  const ChannelShape shape(a.c);
  const int64_t c = a.c, area = a.h * a.w, n = a.n * c;
  // A block takes an image's places, if they are not very many.
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

template <int kWide>
void global_average_pool2d_backward_of(const global_average_pool2d_backward_args& a, Stream& stream) {
  const int64_t wide = a.c / kWide, area = a.h * a.w;
  const float share = 1.0f / static_cast<float>(area);
  const float* dy = a.dy;
  float* dx = a.dx;
  elementwise(stream, a.n * area * wide, [=] __device__(int64_t unit) {
    const int64_t pixel = unit / wide, image = pixel / area;
    float v[kWide];
    load_floats(dy + (image * wide + unit - pixel * wide) * kWide, v);
#pragma unroll
    for (int l = 0; l < kWide; l++) v[l] *= share;
    store_floats(dx + unit * kWide, v);
  });
}

}  // namespace

// x[n, h, w, c] -> y[n, c].
void global_average_pool2d_forward(const global_average_pool2d_forward_args& a, Stream& stream) {
  if (a.c % 4 == 0 && aligned(16, a.x)) global_average_pool2d_forward_of<true>(a, stream);
  else global_average_pool2d_forward_of<false>(a, stream);
}

// dy[n, c] -> dx[n, h, w, c].
void global_average_pool2d_backward(const global_average_pool2d_backward_args& a, Stream& stream) {
  if (a.c % 4 == 0 && aligned(16, a.dy, a.dx)) global_average_pool2d_backward_of<4>(a, stream);
  else global_average_pool2d_backward_of<1>(a, stream);
}

STEEPEST_KERNELS_END
