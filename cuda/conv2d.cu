// conv2d: the convolution S = W phi(pad(Z)) + b 1' and its two derivatives (lecture notes 1.3.2-1.3.6 and 3.2), as products whose operands are
// read where they lie: phi is never built.
//
//   forward          y[n,p,q,k]  = sum over r,s,c of x[n, p*stride + r - padding, q*stride + s - padding, c] filter[r,s,c,k]
//                    (times factor[k], + bias[k] + addend[n,p,q,k]), relu, then max pooling with the place of the maximum
//   backward_input   dx[n,i,j,c] = the same sum over dy with the filter turned round, for each of the stride x stride phases of dx by the taps
//                    that reach it; + addend, where mask > 0
//   backward_filter  dw[r,s,c,k] = sum over n,p,q of x[n, p*stride + r - padding, q*stride + s - padding, c] dy[n,p,q,k]
// All three assign. Images are n h w c, filters r s c k. tile and u are not used: there is no Winograd here.
//
// Rows of the products are pixels (forward, backward_input) or taps (r, s, c), columns are channels; the depth is the taps (r, s, c or k), or
// the pixels. Pooling by windows of 2 x 2 that lie apart takes the pixels of a window as four rows that follow each other, so that a thread has
// them all; other poolings read the convolution again. The gradient of a pooled output is first handed back to the convolution's own.
//
// Cf. "cuDNN: Efficient Primitives for Deep Learning" (Chetlur et al. 2014) on implicit products, and NVIDIA CUTLASS's implicit_gemm_convolution.md.
#include <algorithm>
#include <vector>

#include "max_pool.cuh"
#include "pixels.cuh"
#include "product.cuh"
#include "squares.cuh"

STEEPEST_KERNELS_BEGIN

// One with fewer blocks an SM: without vectors a thread copies from eight lines, of three registers each. One for the taps of one or three channels.
using ConvTile64x64 = ProductTile<64, 64, 32, 32, 4, 3>;
using ConvTile32x64 = ProductTile<32, 64, 32, 32, 4, 8>;

// ---- operands ----

// phi: a line is a window, a step a tap.
template <int Vector>
struct ConvWindows {
  static constexpr bool kAlongDepth = true;
  static constexpr int kVector = Vector;
  const float* x;
  Windows windows;
  Pixels pixels;
  bool quads;  // pixels: of windows of 2 x 2 windows
  int lines, depth;

  using Line = Windows::Corner;
  using Step = Windows::Tap;
  __device__ Line line(int64_t index) const {
    const int i = small(index);
    if (i >= lines) return Windows::no_corner();
    return windows.corner(quads ? Quads{pixels}.at(i) : pixels.at(i));
  }
  __device__ Step step(int64_t index) const {
    const int k = small(index);
    return k < depth ? windows.at(k) : Windows::no_tap();
  }
  __device__ Place at(const Line& line, const Step& step) const {
    const bool inside = windows.inside(line, step);
    return {x + (inside ? line.offset + step.offset : 0), inside};
  }
};

// phi': a line is a tap, a step a window.
template <int Vector>
struct ConvTaps {
  static constexpr bool kAlongDepth = false;
  static constexpr int kVector = Vector;
  const float* x;
  Windows windows;
  Pixels pixels;
  int lines, depth;

  using Line = Windows::Tap;
  using Step = Windows::Corner;
  __device__ Line line(int64_t index) const {
    const int i = small(index);
    return i < lines ? windows.at(i) : Windows::no_tap();
  }
  __device__ Step step(int64_t index) const {
    const int k = small(index);
    return k < depth ? windows.corner(pixels.at(k)) : Windows::no_corner();
  }
  __device__ Place at(const Line& line, const Step& step) const {
    const bool inside = windows.inside(step, line);
    return {x + (inside ? line.offset + step.offset : 0), inside};
  }
};

// A matrix from[depth, lines]: a filter[r, s, c, k], one turned round, or dy[n, p, q, k].
template <int Vector>
struct ConvMatrix {
  static constexpr bool kAlongDepth = false;
  static constexpr int kVector = Vector;
  const float* from;
  int lines, depth;

  using Line = int;  // -1: none
  using Step = int;  // where the row begins; -1: none
  __device__ Line line(int64_t index) const {
    const int i = small(index);
    return i < lines ? i : -1;
  }
  __device__ Step step(int64_t index) const {
    const int k = small(index);
    return k < depth ? k * lines : -1;
  }
  __device__ Place at(const Line& line, const Step& step) const {
    const bool valid = line >= 0 && step >= 0;
    return {from + (valid ? line + step : 0), valid};
  }
};

// ---- backward_input: phases of dx, several at once ----

struct ConvPhase {
  int above, before;  // of windows over dy
  Divisor line;
  Pixels pixels;  // of dx
  int lines, depth, first_row, first_column;
  int filter;  // where its taps begin in the filter turned round
};

// With one, its numbers need no registers.
template <int Count>
struct ConvPhases {
  ConvPhase all[Count];
  __device__ const ConvPhase& mine() const { return all[Count == 1 ? 0 : blockIdx.y]; }
};

// As ConvWindows and ConvMatrix.
template <int Vector, int Count>
struct PhaseWindows {
  static constexpr bool kAlongDepth = true;
  static constexpr int kVector = Vector;
  const float* dy;
  Windows windows;  // of all phases, but for what follows
  ConvPhases<Count> phases;

  using Line = Windows::Corner;
  using Step = Windows::Tap;
  __device__ int64_t block_depth() const { return phases.mine().depth; }
  __device__ Windows mine() const {
    Windows mine = windows;
    mine.above = phases.mine().above, mine.before = phases.mine().before, mine.line = phases.mine().line;
    return mine;
  }
  __device__ Line line(int64_t index) const {
    const int i = small(index);
    return i < phases.mine().lines ? mine().corner(phases.mine().pixels.at(i)) : Windows::no_corner();
  }
  __device__ Step step(int64_t index) const {
    const int k = small(index);
    return k < phases.mine().depth ? mine().at(k) : Windows::no_tap();
  }
  __device__ Place at(const Line& line, const Step& step) const {
    const bool inside = windows.inside(line, step);
    return {dy + (inside ? line.offset + step.offset : 0), inside};
  }
};

template <int Vector, int Count>
struct PhaseFilter {
  static constexpr bool kAlongDepth = false;
  static constexpr int kVector = Vector;
  const float* turned;
  int lines;
  ConvPhases<Count> phases;

  using Line = int;
  using Step = int;
  __device__ Line line(int64_t index) const { return small(index) < lines ? phases.mine().filter + small(index) : -1; }
  __device__ Step step(int64_t index) const { return small(index) < phases.mine().depth ? small(index) * lines : -1; }
  __device__ Place at(const Line& line, const Step& step) const {
    const bool valid = line >= 0 && step >= 0;
    return {turned + (valid ? line + step : 0), valid};
  }
};

// filter[r, s, c, k] -> turned[r * s, k, c]: phase by phase of rows, in it phase by phase of columns, the taps in the order that they are used in.

constexpr int kTurnThreads = 256;
constexpr int kTurn = 32;

struct TurnedShared {
  float tile[kTurn][kTurn + 1];
};

struct TurnedFilter {
  const float* filter;
  float* turned;
  int r, s, c, k, stride, padding;

  // Taps of the phases before this one.
  __host__ __device__ int before(int phase, int size) const {
    int taps = 0;
    for (int i = 0; i < phase; ++i) taps += Phase(i, size, size, stride, padding).taps;
    return taps;
  }
  // Where the taps of a phase begin.
  __host__ __device__ int64_t at(int row_phase, int column_phase) const {
    return (static_cast<int64_t>(before(row_phase, r)) * s + Phase(row_phase, r, r, stride, padding).taps * before(column_phase, s)) * k * c;
  }
};

// A block turns 32 x 32 numbers of a tap.
__global__ void __launch_bounds__(kTurnThreads) conv_turn(TurnedFilter f) {
  STEEPEST_SHARED(TurnedShared, shared);
  const int across = small(ceil_div(f.k, kTurn)), down = small(ceil_div(f.c, kTurn)), tap = blockIdx.x / (across * down), place = blockIdx.x % (across * down);
  const int c0 = place / across * kTurn, k0 = place % across * kTurn, lane = threadIdx.x % kTurn, line = threadIdx.x / kTurn;
  const int row = tap / f.s, column = tap % f.s;
  // first + padding = tap modulo stride
  const int row_phase = ((row - f.padding) % f.stride + f.stride) % f.stride, column_phase = ((column - f.padding) % f.stride + f.stride) % f.stride;
  const Phase rows(row_phase, f.r, f.r, f.stride, f.padding), columns(column_phase, f.s, f.s, f.stride, f.padding);
  const float* const from = f.filter + static_cast<int64_t>(tap) * f.c * f.k;
  float* const to = f.turned + f.at(row_phase, column_phase) +
                    static_cast<int64_t>((rows.last - row) / f.stride * columns.taps + (columns.last - column) / f.stride) * f.k * f.c;
  for (int i = line; i < kTurn; i += kTurnThreads / kTurn)
    if (c0 + i < f.c && k0 + lane < f.k) shared.tile[i][lane] = from[static_cast<int64_t>(c0 + i) * f.k + k0 + lane];
  __syncthreads();
  for (int i = line; i < kTurn; i += kTurnThreads / kTurn)
    if (k0 + i < f.k && c0 + lane < f.c) to[static_cast<int64_t>(k0 + i) * f.c + c0 + lane] = shared.tile[lane][i];
}

// ---- where sums go ----

// Four columns of an output, of which `count` are there; wide: 16 bytes at once (then all four are).
struct ConvColumns {
  bool wide;
  int count;

  __device__ void load(const float* from, float (&to)[4]) const {
    if (wide) {
      const float4 v = load4(from);
      to[0] = v.x, to[1] = v.y, to[2] = v.z, to[3] = v.w;
      return;
    }
    STEEPEST_UNROLL
    for (int j = 0; j < 4; ++j) to[j] = j < count ? from[j] : 0.0f;
  }
  __device__ void store(float* to, const float (&from)[4]) const {
    if (wide) {
      *reinterpret_cast<float4*>(to) = make_float4(from[0], from[1], from[2], from[3]);
      return;
    }
    STEEPEST_UNROLL
    for (int j = 0; j < 4; ++j)
      if (j < count) to[j] = from[j];
  }
  __device__ void store(uint16_t* to, const int (&from)[4]) const {
    if (wide) {
      Pack<uint16_t, 4> places;
      STEEPEST_UNROLL
      for (int j = 0; j < 4; ++j) places.at[j] = static_cast<uint16_t>(from[j]);
      *reinterpret_cast<Pack<uint16_t, 4>*>(to) = places;
      return;
    }
    STEEPEST_UNROLL
    for (int j = 0; j < 4; ++j)
      if (j < count) to[j] = static_cast<uint16_t>(from[j]);
  }
};

// y = relu(factor sums + bias + addend), pooled by windows of 2 x 2 where the rows are quads.
struct ConvForwardEnd {
  float* y;
  const float *factor, *bias, *addend;  // may be null
  uint16_t* argmax;                     // may be null
  int rows, k;
  bool relu, wide, quads;
  Pixels windows;  // of the quads
  int p, q;

  __device__ void operator()(int64_t row, int64_t column, const float (&sums)[4][4]) const {
    const ConvColumns columns{wide, k - small(column)};
    float factors[4] = {1, 1, 1, 1}, biases[4] = {};
    if (factor != nullptr) columns.load(factor + column, factors);
    if (bias != nullptr) columns.load(bias + column, biases);
    int64_t pixel = row;
    if (quads) {
      const Pixel window = windows.at(small(row) >> 2);
      pixel = (static_cast<int64_t>(window.image) * p + 2 * window.row) * q + 2 * window.column;
    }
    float best[4];
    int places[4] = {};
    STEEPEST_UNROLL
    for (int i = 0; i < 4; ++i) {
      if (row + i >= rows) continue;
      const int64_t at = (pixel + (quads ? i / 2 * q + i % 2 : i)) * k + column;
      float values[4], added[4] = {};
      if (addend != nullptr) columns.load(addend + at, added);
      STEEPEST_UNROLL
      for (int j = 0; j < 4; ++j) {
        values[j] = sums[i][j] * factors[j] + biases[j] + added[j];
        if (relu && values[j] <= 0) values[j] = 0;
      }
      if (!quads) {
        columns.store(y + at, values);
        continue;
      }
      STEEPEST_UNROLL
      for (int j = 0; j < 4; ++j) {
        if (i == 0) best[j] = values[j];
        else take_larger(values[j], i, best[j], places[j]);
      }
    }
    if (!quads) return;
    const int64_t at = (row >> 2) * k + column;
    columns.store(y + at, best);
    if (argmax != nullptr) columns.store(argmax + at, places);
  }
};

// dx = sums + addend, 0 where mask is not positive, at the pixels of a phase.
template <int Count>
struct ConvInputEnd {
  float* dx;
  const float *addend, *mask;  // may be null
  int c, stride, h, w;
  bool wide;
  ConvPhases<Count> phases;

  __device__ void operator()(int64_t row, int64_t column, const float (&sums)[4][4]) const {
    const ConvPhase& f = phases.mine();
    const ConvColumns columns{wide, c - small(column)};
    STEEPEST_UNROLL
    for (int i = 0; i < 4; ++i) {
      if (row + i >= f.lines) continue;
      const Pixel pixel = f.pixels.at(small(row + i));
      const int64_t line = static_cast<int64_t>(pixel.image) * h + f.first_row + pixel.row * stride;
      const int64_t at = (line * w + f.first_column + pixel.column * stride) * c + column;
      float values[4], added[4] = {}, masks[4] = {1, 1, 1, 1};
      if (addend != nullptr) columns.load(addend + at, added);
      if (mask != nullptr) columns.load(mask + at, masks);
      STEEPEST_UNROLL
      for (int j = 0; j < 4; ++j) values[j] = masks[j] > 0 ? sums[i][j] + added[j] : 0.0f;
      columns.store(dx + at, values);
    }
  }
};

struct ConvFilterEnd {
  float* dw;
  int rows, k;
  bool wide;

  __device__ void operator()(int64_t row, int64_t column, const float (&sums)[4][4]) const {
    const ConvColumns columns{wide, k - small(column)};
    STEEPEST_UNROLL
    for (int i = 0; i < 4; ++i)
      if (row + i < rows) columns.store(dw + (row + i) * k + column, sums[i]);
  }
};

// ---- the calls ----

// The sizes of a call, and of the convolution's output.
struct ConvSizes {
  int64_t n, h, w, c, k, r, s, stride, padding, p, q;

  template <class Args>
  ConvSizes(const char* kernel, const Args& a)
      : n(a.n), h(a.h), w(a.w), c(a.c), k(a.k), r(a.r), s(a.s), stride(a.stride), padding(a.padding), p(output_size(h, r, stride, padding)),
        q(output_size(w, s, stride, padding)) {
    fits(kernel, {{"n", n}, {"h", h}, {"w", w}, {"c", c}, {"k", k}, {"r", r}, {"s", s}, {"stride", stride}, {"padding", padding}},
         {inputs().reach(n), n * p * q * k, n * h * w * c, (n * (p + r) + r) * (q + s) * k, r * s * c * k});
  }

  Windows inputs() const { return Windows(h, w, c, s, stride, padding, padding); }
};

// dy of the convolution itself: dy, or from that of its pooling.
template <class Args>
const float* unpooled(const char* kernel, const Args& a, const ConvSizes& z, Stream& stream) {
  if (a.pool == 0) return a.dy;
  float* const dy = static_cast<float*>(stream.scratch(1, sizeof(float) * static_cast<size_t>(most(1, z.n * z.p * z.q * z.k))));
  max_pool_gradient(kernel, a.dy, a.argmax, dy, z.n, z.p, z.q, z.k, a.pool, a.poolStride, stream);
  return dy;
}

template <int Vector, class... Tiles>
void convolve(const conv2d_forward_args& a, const ConvSizes& z, const Pixels& rows, const ConvForwardEnd& end, Stream& stream) {
  const int lines = end.rows, depth = small(z.r * z.s * z.c);
  const ConvWindows<Vector> x{a.x, z.inputs(), rows, end.quads, lines, depth};
  const ConvMatrix<Vector> filter{a.filter, small(z.k), depth};
  product<Tiles...>(stream, Product<ConvWindows<Vector>, ConvMatrix<Vector>, ConvForwardEnd>{x, filter, end, lines, z.k, depth}, kWhole);
}

void conv2d_forward(const conv2d_forward_args& a, Stream& stream) {
  const ConvSizes z("conv2d_forward", a);
  const bool quads = a.pool == 2 && a.poolStride == 2, apart = a.pool > 0 && !quads;
  const int64_t high = a.pool > 0 ? output_size(z.p, a.pool, a.poolStride, 0) : z.p, wide = a.pool > 0 ? output_size(z.q, a.pool, a.poolStride, 0) : z.q;
  const Pixels rows = quads ? Pixels(high, wide) : Pixels(z.p, z.q);
  float* y = a.y;
  if (apart) y = static_cast<float*>(stream.scratch(1, sizeof(float) * static_cast<size_t>(most(1, z.n * z.p * z.q * z.k))));
  const bool columns = z.k % 4 == 0 && aligned(16, y, a.factor, a.bias, a.addend) && aligned(8, a.argmax);
  const ConvForwardEnd end{y, a.factor, a.bias, a.addend, quads ? a.argmax : nullptr, small(quads ? 4 * z.n * high * wide : z.n * z.p * z.q), small(z.k),
                           a.relu != 0, columns, quads, rows, small(z.p), small(z.q)};
  if (z.c % 4 == 0 && z.k % 4 == 0 && aligned(16, a.x, a.filter)) convolve<4, Tile128x128, Tile128x64, Tile64x64, Tile128x32>(a, z, rows, end, stream);
  else convolve<1, ConvTile64x64, Tile128x32>(a, z, rows, end, stream);
  if (apart) max_pool("conv2d_forward", y, a.y, a.argmax, z.n, z.p, z.q, z.k, a.pool, a.poolStride, stream);
  if (a.moments != nullptr) moments_of_squares("conv2d_forward", a.y, a.moments, z.n, high, wide, z.k, stream);
}

// The phases [first, first + Count), or as many as there are.
template <int Vector, int Count, class... Tiles>
void convolve_phases(const conv2d_backward_input_args& a, const ConvSizes& z, const float* dy, const float* turned, const std::vector<ConvPhase>& all, size_t first,
                     Stream& stream) {
  ConvPhases<Count> phases{};
  int64_t count = 0, rows = 0, depth = 0;
  for (; count < Count && first < all.size(); ++count, ++first) {
    phases.all[count] = all[first];
    rows = most(rows, all[first].lines), depth = most(depth, all[first].depth);
  }
  const PhaseWindows<Vector, Count> windows{dy, Windows(z.p, z.q, z.k, 1, 1, 0, 0), phases};
  const PhaseFilter<Vector, Count> filter{turned, small(z.c), phases};
  const bool wide = z.c % 4 == 0 && aligned(16, a.dx, a.addend, a.mask);
  const ConvInputEnd<Count> end{a.dx, a.addend, a.mask, small(z.c), small(z.stride), small(z.h), small(z.w), wide, phases};
  product<Tiles...>(stream, Product<PhaseWindows<Vector, Count>, PhaseFilter<Vector, Count>, ConvInputEnd<Count>>{windows, filter, end, rows, z.c, depth, count}, kWhole);
}

void conv2d_backward_input(const conv2d_backward_input_args& a, Stream& stream) {
  const ConvSizes z("conv2d_backward_input", a);
  const float* const dy = unpooled("conv2d_backward_input", a, z, stream);
  const int64_t taps = z.r * z.s;
  const TurnedFilter turn{a.filter, static_cast<float*>(stream.scratch(2, sizeof(float) * static_cast<size_t>(most(1, taps * z.c * z.k)))), small(z.r), small(z.s),
                          small(z.c), small(z.k), small(z.stride), small(z.padding)};
  stream.launch(&conv_turn, {ceil_div(z.c, kTurn) * ceil_div(z.k, kTurn) * taps}, kTurnThreads, turn, sizeof(TurnedShared));

  std::vector<ConvPhase> phases;
  for (int64_t row = 0; row < least(z.stride, z.h); ++row)
    for (int64_t column = 0; column < least(z.stride, z.w); ++column) {
      const Phase rows(row, z.h, z.r, z.stride, z.padding), columns(column, z.w, z.s, z.stride, z.padding);
      phases.push_back({-rows.begin, -columns.begin, Divisor(columns.taps * z.k), Pixels(rows.outputs, columns.outputs),
                        small(z.n * rows.outputs * columns.outputs), small(rows.taps * columns.taps * z.k), rows.first, columns.first,
                        small(turn.at(small(row), small(column)))});
    }
  // Those that take longest begin first.
  std::stable_sort(phases.begin(), phases.end(), [](const ConvPhase& a, const ConvPhase& b) { return a.depth > b.depth; });
  const bool four = z.k % 4 == 0 && z.c % 4 == 0 && aligned(16, dy);
  if (four && phases.size() == 1) return convolve_phases<4, 1, Tile128x128, Tile128x64, Tile64x64, Tile128x32>(a, z, dy, turn.turned, phases, 0, stream);
  for (size_t first = 0; first < phases.size(); first += 4) {
    if (four) convolve_phases<4, 4, Tile128x64, Tile64x64, Tile128x32>(a, z, dy, turn.turned, phases, first, stream);
    else convolve_phases<1, 4, ConvTile64x64>(a, z, dy, turn.turned, phases, first, stream);
  }
}

template <int VectorX, int VectorY, class... Tiles>
void filter_gradient(const conv2d_backward_filter_args& a, const ConvSizes& z, const float* dy, Stream& stream) {
  const int taps = small(z.r * z.s * z.c), depth = small(z.n * z.p * z.q);
  const ConvTaps<VectorX> x{a.x, z.inputs(), Pixels(z.p, z.q), taps, depth};
  const ConvMatrix<VectorY> gradient{dy, small(z.k), depth};
  const ConvFilterEnd end{a.dw, taps, small(z.k), z.k % 4 == 0 && aligned(16, a.dw)};
  product<Tiles...>(stream, Product<ConvTaps<VectorX>, ConvMatrix<VectorY>, ConvFilterEnd>{x, gradient, end, taps, z.k, depth}, kSplit);
}

void conv2d_backward_filter(const conv2d_backward_filter_args& a, Stream& stream) {
  const ConvSizes z("conv2d_backward_filter", a);
  const float* const dy = unpooled("conv2d_backward_filter", a, z, stream);
  if (z.k % 4 != 0 || !aligned(16, dy)) filter_gradient<1, 1, Tile64x64>(a, z, dy, stream);
  else if (z.c % 4 != 0 || !aligned(16, a.x)) filter_gradient<1, 4, Tile64x64, ConvTile32x64>(a, z, dy, stream);
  else filter_gradient<4, 4, Tile128x128, Tile64x64, Tile128x32>(a, z, dy, stream);
}

STEEPEST_KERNELS_END
