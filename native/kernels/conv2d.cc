// conv2d: the convolution S = W phi(pad(Z)) + b 1' and its two derivatives (lecture notes 1.3.2-1.3.6 and 3.2), without ever building phi.
//
//   forward          y[n,p,q,k]  = sum over r,s,c of x[n, p*stride + r - padding, q*stride + s - padding, c] filter[r,s,c,k]
//                    (times factor[k], + bias[k] + addend[n,p,q,k]), relu, then max pooling with the place of the maximum
//   backward_input   dx[n,i,j,c] = the same convolution of dy with the filter turned round: step 1, padding r-1-padding; with a stride > 1, one
//                    such convolution for each of the stride x stride phases of dx, with the taps that reach it
//   backward_filter  dw[r,s,c,k] = sum over n,p,q of x[n, p*stride + r - padding, q*stride + s - padding, c] dy[n,p,q,k]
// All three assign. Images are n h w c, filters r s c k.
//
// Where a tile is asked for, winograd_tiles.h and winograd_gradient.h do it, with few channels winograd_strips.h, without a transformed filter
// winograd_large.h. Otherwise an image is copied once into a frame of zeros (scratch of the thread). There every tap of a pixel is in place, and
// a filter row is one run of s*c floats: gemm_tile.h walks the frame directly. The filter is packed in panels of output channels, shared by the
// team. Maps so small that most taps fall into the padding go by positions: small_maps.h.
//
// Order of sums: each y and dx is one chain over r, s, c (r, s, k); each dw a chain over the pixels of a share of the images, and the shares
// are added in order. How the images are shared depends on shapes alone, and no other cut changes a bit.
//
// The direct sums, measured like gemm.cc (same machine and day; percent of the FMA loop, bias, relu and pooling included), median of 5 (lowest-highest):
//                                            AVX-512: forward  input       filter        AVX2: forward  input       filter
//   lenet 5x5 1->32, 28x28, pooled x 128      59 (52-61)       -           66 (52-69)     63 (49-63)    -           56 (41-61)
//   lenet 5x5 32->64, 14x14, pooled x 128     91 (83-92)       91 (83-92)  83 (78-83)     88 (79-88)    91 (85-92)  86 (71-86)
//   cnn4  5x5 3->32, 32x32, pooled x 128      72 (63-76)       -           70 (61-72)     79 (68-80)    -           70 (62-71)
//   cnn4  3x3 64->64, 8x8, pooled x 128       87 (72-90)       83 (61-90)  75 (55-81)     87 (79-88)    88 (80-89)  81 (64-82)
//   vgg11 3x3 128->256, 8x8 x 64              90 (78-90)       90 (66-92)  76 (55-79)     91 (90-91)    92 (92-92)  83 (83-84)
//   vgg11 3x3 512->512, 4x4, pooled x 64      88 (65-90)       90 (66-90)  74 (57-76)     90 (89-91)    91 (90-92)  78 (78-80)
#include "small_maps.h"
#include "window.h"
#include "winograd_gradient.h"
#include "winograd_large.h"
#include "winograd_strips.h"

STEEPEST_KERNELS_BEGIN

namespace {

enum Slot { kPanels, kBias, kFrame, kBand, kTable, kParts, kRuns, kUnpooled };

constexpr int64_t kFrameFloats = int64_t{1} << 16;  // frames of one group of images: 256 KB, a part of L2 (one image may be larger)
constexpr int64_t kGroupPixels = 16 * kTileRows;    // output pixels after which a group need not grow
constexpr int64_t kBandPixels = 4 * kTileRows;      // output pixels convolved before they are pooled: they stay in L1
constexpr int64_t kRunPixels = 256;                 // output pixels dw goes through at once: a panel of dy is 32 KB with AVX-512
constexpr int64_t kGroupFloats = int64_t{1} << 19;  // the same for dw, which wants whole runs of pixels: 2 MB
constexpr int64_t kPartFloats = int64_t{1} << 22;   // partial sums of dw: at most 16 MB, and at most
constexpr int64_t kShares = 8;                      // so many. With 16, those of resnet18 with stride 2 took 0 to 29 % longer on 2 threads, quiet ones

// Images in a frame of zeros: pixel (i, j) of the image stands at (i + above, j + before) of a frame of height x width
// pixels; what falls outside is cut off.
struct Frame {
  int64_t h, w, c, above, before, height, width;

  bool in_place() const { return above == 0 && before == 0; }  // the image itself will do
  int64_t line() const { return (in_place() ? w : width) * c; }
  int64_t size() const { return in_place() ? h * w * c : height * width * c; }

  // The frames of `images` images at dst, whose zeros are there already; or the images themselves.
  const float* fill(const float* x, int64_t images, float* dst) const {
    if (in_place()) return x;
    const int64_t i0 = first(above), i1 = behind(h, above, height), j0 = first(before), j1 = behind(w, before, width);
    for (int64_t n = 0; n < images; ++n, x += h * w * c, dst += size())
      for (int64_t i = i0; i < i1; ++i) {
        const float* from = x + (i * w + j0) * c;
        float* to = dst + ((i + above) * width + j0 + before) * c;
        if (j1 > j0) __builtin_memcpy(to, from, sizeof(float) * static_cast<size_t>((j1 - j0) * c));
      }
    return dst - images * size();
  }

  float* make(Team& team, int thread, int64_t images) const {
    if (in_place()) return nullptr;
    const size_t bytes = sizeof(float) * static_cast<size_t>(most(1, images * size()));
    void* memory = team.scratch(thread, kFrame, bytes);
    __builtin_memset(memory, 0, bytes);
    return static_cast<float*>(memory);
  }

 private:
  // The pixels [first, behind) of a line of `size` fall into the frame's `limit`.
  int64_t first(int64_t offset) const { return most(0, -offset); }
  int64_t behind(int64_t size, int64_t offset, int64_t limit) const {
    return most(0, least(size, limit - offset));
  }
};

// multiply, tile by tile, with an ending that reads: row i goes to y + place(i). What is read and written there arrives while the sums are
// made: dx of 3x3 64->128 at 32x32 with stride 2, addend and mask in memory, 2 threads, in 7.5 ms for 7.8; of the 1x1 beside it in 2.3 for 2.6.
template <class Place>
void multiply_and_end(const float* frames, const int64_t* pixel, int64_t count, const Walk& walk, const float* panel, int64_t columns, const Finish& finish,
                      const Ending& ending, float* y, const Place& place) {
  const int64_t width = panel_width(columns);
  alignas(64) float sums[kTileRows * kTileColumns];
  for (int64_t index = 0; index < tile_count(count); ++index) {
    const int64_t begin = tile_begin(count, index), end = tile_begin(count, index + 1);
    for (int64_t i = begin; i < end; ++i)
      for (int64_t j = place(i); j < place(i) + columns; j += 16) {
        __builtin_prefetch(y + j, 1);
        if (ending.addend) __builtin_prefetch(ending.addend + j);
        if (ending.mask) __builtin_prefetch(ending.mask + j);
      }
    multiply(frames, pixel + begin, end - begin, walk, panel, width, sums, width, width, finish);
    const float* from = sums;
    for (int64_t i = begin; i < end; ++i, from += width) {
      const int64_t to = place(i);
      for_lanes(0, columns, [=](int64_t v, auto at) { at.store(y + to + v, ending.of(at.load(from + v), to + v, at)); });
    }
  }
}

// A convolution of frames with panels of filters, for forward and backward_input.
struct Convolution {
  Frame frame;
  const float* x;
  int64_t n, p, q, k, r, s, stride;
  const float* panels;  // [r*s*c, panel width] each
  const float* bias;    // filled up to whole panels, or null
  Ending ending;
  float* y;
  int64_t pool, pool_stride;  // pool = 0: none
  uint16_t* argmax;

  int64_t depth() const { return r * s * frame.c; }
  int64_t pooled_height() const { return (p - pool) / pool_stride + 1; }
  int64_t pooled_width() const { return (q - pool) / pool_stride + 1; }

  // c = the sums of `count` pixels from pixel `first` of all on, for the columns of a panel, and what becomes of them.
  void sums(const float* frames, const int64_t* pixel, int64_t first, int64_t count, const Walk& walk, int64_t panel, float* c, int64_t c_step,
            int64_t columns) const {
    const int64_t j = panel * kTileColumns;
    const Finish finish{false, bias ? bias + j : nullptr, ending.relu && !ending.reads()};
    if (ending.reads() && pool == 0)
      return multiply_and_end(frames, pixel, count, walk, panels + j * depth(), least(kTileColumns, k - j), finish, ending, y, [&](int64_t i) { return (first + i) * k + j; });
    multiply(frames, pixel, count, walk, panels + j * depth(), panel_width(least(kTileColumns, k - j)), c, c_step, columns, finish);
    if (ending.reads()) ending.apply(c, c_step, count, least(columns, k - j), first * k + j, k);
  }
};

// One panel of output channels of a group of images whose frames are at `frames`, convolved into band, row by row, and pooled.
void convolve_and_pool(const Convolution& f, const float* frames, int64_t image0, int64_t images, int64_t panel, const int64_t* pixel,
                       const Walk& walk, float* band, int64_t band_rows) {
  const int64_t columns = least(kTileColumns, f.k - panel * kTileColumns), width = panel_width(columns);
  const int64_t height = f.pooled_height(), across = f.pooled_width();
  for (int64_t top = 0; top < height; top += band_rows) {
    const int64_t rows = least(band_rows, height - top);
    const int64_t from = top * f.pool_stride, lines = (rows - 1) * f.pool_stride + f.pool;
    // Several images are a group only if a band is a whole image: then their pixels follow each other.
    const int64_t pixels = images > 1 ? images * f.p * f.q : lines * f.q;
    f.sums(frames, pixel + from * f.q, (image0 * f.p + from) * f.q, pixels, walk, panel, band, width, width);
    for (int64_t n = 0; n < images; ++n) {
      const int64_t out = (((image0 + n) * height + top) * across) * f.k + panel * kTileColumns;
      uint16_t* argmax = f.argmax ? f.argmax + out : nullptr;
      const float* part = band + n * f.p * f.q * width;
      if (f.pool == 2) {
        pool_band<2>(part, f.q, width, columns, f.pool, f.pool_stride, rows, across, f.k, f.y + out, argmax);
      } else {
        pool_band<0>(part, f.q, width, columns, f.pool, f.pool_stride, rows, across, f.k, f.y + out, argmax);
      }
    }
  }
}

void convolve(const Convolution& f, Team& team) {
  const int64_t pixels = f.p * f.q, panels = ceil_div(f.k, kTileColumns);
  if (f.n == 0 || pixels == 0 || f.k == 0) return;
  // Images taken together, so that small ones still fill tiles.
  const int64_t room = most(1, kFrameFloats / most(1, f.frame.size()));
  const int64_t images = most(1, least(least(room, ceil_div(kGroupPixels, pixels)), ceil_div(f.n, team.threads())));
  const int64_t groups = ceil_div(f.n, images);
  const int64_t splits = least(panels, ceil_div(team.threads(), groups));  // few images: channels are shared out too

  // Rows of pooled output done at once, so that what is pooled is still in L1 or L2. Overlapping windows: the whole image.
  const int64_t height = f.pool > 0 ? f.pooled_height() : 0;
  const bool whole = images > 1 || f.pool > f.pool_stride;
  const int64_t band_rows = whole ? height : least(height, most(1, kBandPixels / (f.q * f.pool_stride)));
  const int64_t band_lines = f.pool > 0 ? (band_rows - 1) * f.pool_stride + f.pool : 0;
  const int64_t band_pixels = images > 1 ? images * pixels : band_lines * f.q;

  int64_t* pixel = static_cast<int64_t*>(team.scratch(0, kTable, sizeof(int64_t) * static_cast<size_t>(images * pixels + f.r)));
  int64_t* start = pixel + images * pixels;
  for (int64_t i = 0, at = 0; i < images; ++i)
    for (int64_t y = 0; y < f.p; ++y)
      for (int64_t x = 0; x < f.q; ++x) pixel[at++] = i * f.frame.size() + y * f.stride * f.frame.line() + x * f.stride * f.frame.c;
  for (int64_t i = 0; i < f.r; ++i) start[i] = i * f.frame.line();
  const Walk walk{start, f.r, f.s * f.frame.c, 1};

  team.parallel(groups * splits, 1, [&](int64_t begin, int64_t end, int thread) {
    float* memory = f.frame.make(team, thread, images);
    float* band = nullptr;
    if (f.pool > 0) band = floats(team, thread, kBand, band_pixels * kTileColumns);
    for (int64_t unit = begin; unit < end; ++unit) {
      const int64_t group = unit / splits, part = unit % splits;
      const int64_t image0 = f.n * group / groups, count = f.n * (group + 1) / groups - image0;
      const float* frames = f.frame.fill(f.x + image0 * f.frame.h * f.frame.w * f.frame.c, count, memory);
      for (int64_t panel = panels * part / splits; panel < panels * (part + 1) / splits; ++panel) {
        if (f.pool > 0) {
          convolve_and_pool(f, frames, image0, count, panel, pixel, walk, band, band_rows);
          continue;
        }
        float* const y = f.y + image0 * pixels * f.k + panel * kTileColumns;
        f.sums(frames, pixel, image0 * pixels, count * pixels, walk, panel, y, f.k, least(kTileColumns, f.k - panel * kTileColumns));
      }
    }
  });
}

float* panel_memory(Team& team, int64_t depth, int64_t columns) {
  return floats(team, 0, kPanels, most(1, depth * ceil_div(columns, kTileColumns) * kTileColumns));
}

template <int M, int R>
void winograd_run(const WinogradConvolution& f, Team& team) {
  (f.tiles.c < kWinogradChannels ? winograd_convolve_strips<M, R> : f.u ? winograd_convolve<M, R> : winograd_convolve_large<M, R>)(f, team);
}
template <int M, int R>
void winograd_run(const WinogradFilter& f, Team& team) {
  (f.tiles.c < kWinogradChannels ? winograd_filter_gradient_strips<M, R> : winograd_filter_gradient<M, R>)(f, team);
}

// A WinogradConvolution or a WinogradFilter.
template <class Task>
void winograd(const Task& f, int64_t tile, int64_t r, Team& team) {
  if (r == 5) return tile == 4 ? winograd_run<4, 5>(f, team) : winograd_run<2, 5>(f, team);
  return tile == 4 ? winograd_run<4, 3>(f, team) : winograd_run<2, 3>(f, team);
}

// Whether these arguments go by Winograd: a pooling is a part of that where its windows are quarters of tiles.
template <class Args>
bool by_winograd(const Args& a) {
  return winograd_fits(a.tile, a.r, a.s, a.stride, a.c, a.k) && (a.pool == 0 || (a.pool == 2 && a.poolStride == 2));
}

// The windows of the pooling behind a convolution with outputs p x q.
template <class Args>
Windows pooling_of(const Args& a, int64_t p, int64_t q) {
  return Windows(max_pool2d_backward_args{a.dy, a.argmax, nullptr, a.n, p, q, a.k, a.pool, a.poolStride});
}

bool by_winograd_forward(const conv2d_forward_args& a) { return by_winograd(a) && (a.u || a.c >= kWinogradChannels); }

void forward(const conv2d_forward_args& a, const Moments& moments, Team& team) {
  const int64_t p = output_size(a.h, a.r, a.stride, a.padding), q = output_size(a.w, a.s, a.stride, a.padding);
  const Ending ending{a.addend, a.relu != 0, nullptr};
  if (by_winograd_forward(a))
    return winograd(WinogradConvolution{{a.n, a.h, a.w, a.c, p, q, a.padding}, {a.x, nullptr}, a.k, a.u, {a.filter, a.c, a.k, false}, a.factor, a.bias, ending, a.y,
                              a.pool != 0, a.argmax, moments}, a.tile, a.r, team);
  const int64_t depth = a.r * a.s * a.c;
  const auto pack = [&](int64_t j, int64_t columns, float* dst) {
    const int64_t width = panel_width(columns);
    const float* const factor = a.factor + j;
    pack_panel(a.filter + j, a.k, depth, columns, dst);
    for (int64_t i = 0; a.factor && i < depth * width; i += width)
      for_lanes(0, columns, [=](int64_t v, auto at) { at.store(dst + i + v, at.load(dst + i + v) * at.load(factor + v)); });
  };
  const SmallMaps maps{a.n, a.h, a.w, a.c, p, q, a.k, a.r, a.s, a.padding, a.padding};
  if (maps.worthwhile(a.stride)) return convolve_by_positions(maps, a.x, pack, a.bias, ending, a.y, a.pool, most(1, a.poolStride), a.argmax, team);
  const float* panels = a.filter;
  if (a.k != kTileColumns || a.factor) {  // else the filter is a panel as it stands
    float* packed = panel_memory(team, depth, a.k);
    team.parallel(ceil_div(a.k, kTileColumns), 1, [&](int64_t begin, int64_t end, int) {
      for (int64_t panel = begin; panel < end; ++panel) {
        const int64_t j = panel * kTileColumns;
        pack(j, least(kTileColumns, a.k - j), packed + j * depth);
      }
    });
    panels = packed;
  }
  float* bias = nullptr;
  if (a.bias) {
    bias = floats(team, 0, kBias, a.k + kTileColumns);
    pad_bias(a.bias, a.k, bias);
  }
  const Frame frame{a.h, a.w, a.c, a.padding, a.padding, (p - 1) * a.stride + a.r, (q - 1) * a.stride + a.s};
  convolve({frame, a.x, a.n, p, q, a.k, a.r, a.s, a.stride, panels, bias, ending, a.y, a.pool, most(1, a.poolStride), a.argmax}, team);
}

}  // namespace

void conv2d_forward(const conv2d_forward_args& a, Team& team) {
  const int64_t p = output_size(a.h, a.r, a.stride, a.padding), q = output_size(a.w, a.s, a.stride, a.padding);
  const bool pools = a.pool > 0;
  const Moments moments{pools ? output_size(p, a.pool, a.poolStride, 0) : p, pools ? output_size(q, a.pool, a.poolStride, 0) : q, a.k, a.moments};
  forward(a, moments, team);
  if (a.moments && !(by_winograd_forward(a) && a.tile == kSquare && !pools)) moments.of(a.y, a.n, team);
}

namespace {

// The taps of one dimension that reach the outputs first, first + stride, ... of dx: taps last, last - stride, ... (`taps` of them), which read
// dy from `begin` on, one more for each output.
struct Phase {
  int64_t first, outputs, last, taps, begin;

  Phase(int64_t first, int64_t size, int64_t filter, int64_t stride, int64_t padding) : first(first), outputs(ceil_div(size - first, stride)) {
    const int64_t lowest = (first + padding) % stride;
    taps = lowest < filter ? (filter - 1 - lowest) / stride + 1 : 0;
    last = lowest + (taps - 1) * stride;
    begin = (first + padding - lowest) / stride - (taps - 1);
  }
};

// backward_input with a step > 1: each of the stride x stride phases of dx (fewer where it is smaller) is a convolution of step 1 with the taps
// that reach it.
void backward_input_by_phases(const conv2d_backward_input_args& a, const float* dy, int64_t p, int64_t q, const Ending& ending, Team& team) {
  float* const dx = a.dx;
  const int64_t stride = a.stride, row_taps = ceil_div(a.r, stride), column_taps = ceil_div(a.s, stride);
  const int64_t column_phases = least(stride, a.w), phases = least(stride, a.h) * column_phases;
  if (a.n == 0 || a.h == 0 || a.w == 0 || a.c == 0) return;
  const int64_t lines = ceil_div(a.h, stride), across = ceil_div(a.w, stride), most_pixels = lines * across;
  // A frame that holds whatever a phase reads: phases begin at most `taps` before dy and end at most so many behind their outputs.
  const int64_t shift = a.padding / stride + 1;
  const Frame frame{p, q, a.k, row_taps, column_taps, most(p, lines + shift) + 2 * row_taps, most(q, across + shift) + 2 * column_taps};
  const int64_t room = most(1, kFrameFloats / most(1, frame.size()));
  const int64_t images = most(1, least(least(room, ceil_div(kGroupPixels, most_pixels)), ceil_div(a.n, team.threads())));
  const int64_t groups = ceil_div(a.n, images), panels = ceil_div(a.c, kTileColumns);

  // Panels of every phase, one after the other: [taps of the phase, k, panel width] each.
  float* packed = panel_memory(team, phases * row_taps * column_taps * a.k, a.c);
  const int64_t phase_floats = row_taps * column_taps * a.k * panels * kTileColumns;
  team.parallel(phases * panels, 1, [&](int64_t begin, int64_t end, int) {
    for (int64_t unit = begin; unit < end; ++unit) {
      const int64_t phase = unit / panels, j = unit % panels * kTileColumns, columns = least(kTileColumns, a.c - j);
      const Phase rows(phase / column_phases, a.h, a.r, stride, a.padding), cols(phase % column_phases, a.w, a.s, stride, a.padding);
      float* to = packed + phase * phase_floats + j * rows.taps * cols.taps * a.k;
      for (int64_t t = 0; t < rows.taps; ++t)
        for (int64_t u = 0; u < cols.taps; ++u, to += a.k * panel_width(columns))
          pack_panel_transposed(a.filter + (((rows.last - t * stride) * a.s + cols.last - u * stride) * a.c + j) * a.k, a.k, a.k, columns, to);
    }
  });

  team.parallel(groups, 1, [&](int64_t begin, int64_t end, int thread) {
    float* memory = frame.make(team, thread, images);
    int64_t* pixel = static_cast<int64_t*>(team.scratch(thread, kTable, sizeof(int64_t) * static_cast<size_t>(2 * images * most_pixels + row_taps)));
    int64_t *place = pixel + images * most_pixels, *start = place + images * most_pixels;
    for (int64_t i = 0; i < row_taps; ++i) start[i] = i * frame.line();
    for (int64_t group = begin; group < end; ++group) {
      const int64_t image0 = a.n * group / groups, count = a.n * (group + 1) / groups - image0;
      const float* frames = frame.fill(dy + image0 * p * q * a.k, count, memory);
      for (int64_t phase = 0; phase < phases; ++phase) {
        const Phase rows(phase / column_phases, a.h, a.r, stride, a.padding), cols(phase % column_phases, a.w, a.s, stride, a.padding);
        const int64_t pixels = count * rows.outputs * cols.outputs, depth = rows.taps * cols.taps * a.k;
        for (int64_t i = 0, at = 0; i < count; ++i)
          for (int64_t y = 0; y < rows.outputs; ++y)
            for (int64_t x = 0; x < cols.outputs; ++x, ++at) {
              pixel[at] = i * frame.size() + (frame.above + rows.begin + y) * frame.line() + (frame.before + cols.begin + x) * a.k;
              place[at] = (((image0 + i) * a.h + rows.first + y * stride) * a.w + cols.first + x * stride) * a.c;
            }
        if (depth == 0) {
          for (int64_t i = 0; i < pixels; ++i)
            for_lanes(0, a.c, [dx, &ending, to = place[i]](int64_t v, auto at) { at.store(dx + to + v, ending.of(vfloat{}, to + v, at)); });
          continue;
        }
        for (int64_t panel = 0; panel < panels; ++panel) {
          const int64_t j = panel * kTileColumns;
          multiply_and_end(frames, pixel, pixels, {start, rows.taps, cols.taps * a.k, 1}, packed + phase * phase_floats + j * depth, least(kTileColumns, a.c - j),
                           {false, nullptr, false}, ending, dx, [&](int64_t i) { return place[i] + j; });
        }
      }
    }
  });
}

}  // namespace

void conv2d_backward_input(const conv2d_backward_input_args& a, Team& team) {
  const int64_t p = output_size(a.h, a.r, a.stride, a.padding), q = output_size(a.w, a.s, a.stride, a.padding);
  const Ending ending{a.addend, false, a.mask};
  if (by_winograd(a) && a.c % kWinogradChannels == 0 && (a.pool == 0 || a.argmax))
    return winograd(WinogradConvolution{{a.n, p, q, a.k, a.h, a.w, a.r - 1 - a.padding}, {a.dy, a.pool > 0 ? a.argmax : nullptr}, a.c, a.u, {a.filter, a.k, a.c, true},
                              nullptr, nullptr, ending, a.dx, false, nullptr, {}}, a.tile, a.r, team);
  const float* dy = a.dy;
  if (a.pool > 0) {
    float* spread = floats(team, 0, kUnpooled, a.n * p * q * a.k);
    pooling_of(a, p, q).backward(team, spread, ToMaximum{a.dy, a.argmax});
    dy = spread;
  }
  if (a.stride > 1) return backward_input_by_phases(a, dy, p, q, ending, team);
  const int64_t taps = a.r * a.s;
  const auto pack = [&](int64_t j, int64_t columns, float* dst) {  // the filter turned by 180 degrees: the last tap first
    for (int64_t tap = 0; tap < taps; ++tap)
      pack_panel_transposed(a.filter + ((taps - 1 - tap) * a.c + j) * a.k, a.k, a.k, columns, dst + tap * a.k * panel_width(columns));
  };
  const SmallMaps maps{a.n, p, q, a.k, a.h, a.w, a.c, a.r, a.s, a.r - 1 - a.padding, a.s - 1 - a.padding};
  if (maps.worthwhile(1)) return convolve_by_positions(maps, dy, pack, nullptr, ending, a.dx, 0, 1, nullptr, team);
  float* packed = panel_memory(team, taps * a.k, a.c);
  team.parallel(ceil_div(a.c, kTileColumns), 1, [&](int64_t begin, int64_t end, int) {
    for (int64_t panel = begin; panel < end; ++panel) {
      const int64_t j = panel * kTileColumns;
      pack(j, least(kTileColumns, a.c - j), packed + j * taps * a.k);
    }
  });
  const Frame frame{p, q, a.k, a.r - 1 - a.padding, a.s - 1 - a.padding, a.h - 1 + a.r, a.w - 1 + a.s};
  convolve({frame, dy, a.n, a.h, a.w, a.c, a.r, a.s, 1, packed, nullptr, ending, a.dx, 0, 1, nullptr}, team);
}

namespace {

// Sums of x times dy over the images [image0, image1) for the taps [tap0, tap1): part[taps, k] is assigned.
struct FilterSum {
  const conv2d_backward_filter_args& a;
  Frame frame;
  int64_t p, q, images;  // images: in a group of frames
  const int64_t* tap;    // where each tap (r, s, c) lies, seen from the corner of its window
  const int64_t* line;   // where each output row of a group begins

  void add(int64_t image0, int64_t image1, int64_t tap0, int64_t tap1, float* part, Team& team, int thread) const {
    const int64_t panels = ceil_div(a.k, kTileColumns), lines_a_run = most(1, kRunPixels / q);
    const bool as_it_lies = a.k == kTileColumns || tap1 - tap0 <= 2 * kTileRows;  // dy: a panel already, or read too seldom to pay for one
    float* run = floats(team, thread, kRuns, lines_a_run * q * kTileColumns);
    float* memory = frame.make(team, thread, images);
    const Windows pooling = pooling_of(a, p, q);
    float* spread = nullptr;
    if (a.pool > 0) spread = floats(team, thread, kUnpooled, images * p * q * a.k);
    bool load = false;
    for (int64_t image = image0; image < image1; image += images) {
      const int64_t count = least(images, image1 - image);
      const float* frames = frame.fill(a.x + image * a.h * a.w * a.c, count, memory);
      const float* gradient = a.dy + image * p * q * a.k;
      if (spread) {
        const int64_t pooled = pooling.p * pooling.q * a.k;
        pooling.backward_images(0, count, spread, ToMaximum{a.dy + image * pooled, a.argmax ? a.argmax + image * pooled : nullptr});
        gradient = spread;
      }
      for (int64_t first = 0; first < count * p; first += lines_a_run, load = true) {
        const int64_t lines = least(lines_a_run, count * p - first);
        const Walk walk{line + first, lines, q, a.stride * a.c};
        for (int64_t panel = 0; panel < panels; ++panel) {
          const int64_t j = panel * kTileColumns, columns = least(kTileColumns, a.k - j);
          const float* dy = gradient + first * q * a.k + j;
          const bool direct = as_it_lies && columns == kTileColumns;
          if (!direct) pack_panel(dy, a.k, lines * q, columns, run);
          multiply(frames, tap + tap0, tap1 - tap0, walk, direct ? dy : run, direct ? a.k : panel_width(columns), part + tap0 * a.k + j, a.k,
                   columns, {load, nullptr, false});
        }
      }
    }
  }
};

}  // namespace

void conv2d_backward_filter(const conv2d_backward_filter_args& a, Team& team) {
  const int64_t p = output_size(a.h, a.r, a.stride, a.padding), q = output_size(a.w, a.s, a.stride, a.padding);
  const int64_t taps = a.r * a.s * a.c, size = taps * a.k;
  if (size == 0) return;
  if (a.n == 0) {
    __builtin_memset(a.dw, 0, sizeof(float) * static_cast<size_t>(size));
    return;
  }
  if (by_winograd(a) && (a.pool == 0 || a.argmax))
    return winograd(WinogradFilter{{a.n, a.h, a.w, a.c, p, q, a.padding}, a.x, {a.dy, a.pool > 0 ? a.argmax : nullptr}, a.k, a.dw}, a.tile, a.r, team);
  const SmallMaps maps{a.n, a.h, a.w, a.c, p, q, a.k, a.r, a.s, a.padding, a.padding};
  if (maps.worthwhile(a.stride)) {
    const float* dy = a.dy;
    if (a.pool > 0) {
      float* spread = floats(team, 0, kUnpooled, a.n * p * q * a.k);
      pooling_of(a, p, q).backward(team, spread, ToMaximum{a.dy, a.argmax});
      dy = spread;
    }
    return filter_gradient_by_positions(maps, a.x, dy, a.dw, team);
  }
  const Frame frame{a.h, a.w, a.c, a.padding, a.padding, (p - 1) * a.stride + a.r, (q - 1) * a.stride + a.s};
  const int64_t images = most(1, least(a.n, least(kGroupFloats / most(1, frame.size()), ceil_div(kRunPixels, p * q))));
  const int64_t shares = most(1, least(a.n, least(kShares, kPartFloats / size)));
  // More threads than shares: the taps are shared out as well.
  const int64_t splits = team.threads() == 1 ? 1 : most(1, least(ceil_div(2 * team.threads(), shares), taps / (2 * kTileRows)));

  int64_t* tap = static_cast<int64_t*>(team.scratch(0, kTable, sizeof(int64_t) * static_cast<size_t>(taps + images * p)));
  int64_t* line = tap + taps;
  for (int64_t r = 0, at = 0; r < a.r; ++r)
    for (int64_t i = 0; i < a.s * a.c; ++i) tap[at++] = r * frame.line() + i;
  for (int64_t i = 0; i < images * p; ++i) line[i] = i / p * frame.size() + i % p * a.stride * frame.line();
  float* parts = shares == 1 ? a.dw : floats(team, 0, kParts, shares * size);

  const FilterSum sum{a, frame, p, q, images, tap, line};
  team.parallel(shares * splits, 1, [&](int64_t begin, int64_t end, int thread) {
    for (int64_t unit = begin; unit < end; ++unit) {
      const int64_t share = unit / splits, split = unit % splits;
      sum.add(a.n * share / shares, a.n * (share + 1) / shares, taps * split / splits, taps * (split + 1) / splits, parts + share * size, team,
              thread);
    }
  });
  if (shares == 1) return;
  team.parallel(size, 4096, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) a.dw[i] = parts[i];
    for (int64_t share = 1; share < shares; ++share)
      for (int64_t i = begin; i < end; ++i) a.dw[i] += parts[share * size + i];
  });
}

STEEPEST_KERNELS_END
