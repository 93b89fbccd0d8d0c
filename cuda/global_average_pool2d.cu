// Global average pooling (Lin et al. 2014, section 3.2): the mean of each channel of an image; backward spreads a gradient evenly over it.
#include "channels.cuh"
#include "pixels.cuh"

STEEPEST_KERNELS_BEGIN

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
    for (int v = 0; v < W; ++v) values.at[v] /= area;
    put(dx + i * W, values);
  }
};

// x[n, h, w, c] -> y[n, c]. A block takes an image's pixels, if they are not very many.
void global_average_pool2d_forward(const global_average_pool2d_forward_args& a, Stream& stream) {
  const ChannelShape shape(a.c);
  const int64_t area = a.h * a.w, chunk = 32 * shape.rows();
  const auto sum = a.c % 4 == 0 && aligned(16, a.x) ? &sum_rows<true> : &sum_rows<false>;
  sum(stream, shape, a.x, a.n, area, chunk, static_cast<double>(area), a.y);
}

// dy[n, c] -> dx[n, h, w, c].
void global_average_pool2d_backward(const global_average_pool2d_backward_args& a, Stream& stream) {
  by_channels(a.c % 4 == 0 && aligned(16, a.dy, a.dx), [&](auto width) {
    constexpr int W = decltype(width)::value;
    const int64_t wide = a.c / W, image = a.h * a.w * wide;
    fits("global_average_pool2d_backward", {{"n", a.n}, {"h", a.h}, {"w", a.w}, {"c", a.c}}, {a.n * image});
    elementwise(stream, a.n * image, GlobalAverageGradient<W>{a.dy, a.dx, Divisor(image), Divisor(wide), static_cast<float>(a.h * a.w)});
  });
}

STEEPEST_KERNELS_END
