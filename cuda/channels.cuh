// Kernels over rows of k channels, which lie side by side. A thread has four neighbouring channels; `lanes` threads, a power of two up to a warp,
// stand next to each other in a row, the other threads of a block in the rows below. More channels are more groups of blocks.
//
// Sums over rows are in double precision: blocks sum chunks of rows that depend on the shapes alone, then the chunks are added in one fixed order.
#pragma once
#include "elementwise.cuh"

STEEPEST_KERNELS_BEGIN

constexpr int kChannelThreads = 256;
constexpr int kChannelWarps = kChannelThreads / kWarp;
constexpr int kChannelDepth = 4;  // rows of a pass that a thread loads at once

struct ChannelShape {
  int64_t k;
  int lanes;
  int groups;

  explicit ChannelShape(int64_t k) : k(k), lanes(1) {
    while (lanes < kWarp && lanes * 4 < k) lanes *= 2;
    groups = static_cast<int>(ceil_div(k, lanes * 4));
  }
  __host__ __device__ int rows() const { return kChannelThreads / lanes; }  // of a block at once
};

// p[0 .. count), zeros behind. kVector: p is aligned to 16 bytes, and count is 4.
template <bool kVector>
__device__ Four channels_of(const float* p, int64_t count) {
  Four v;
  if constexpr (kVector) {
    v = *reinterpret_cast<const Four*>(p);
  } else {
    STEEPEST_UNROLL
    for (int l = 0; l < 4; l++) v.at[l] = l < count ? p[l] : 0.0f;
  }
  return v;
}

// The same the other way.
template <bool kVector>
__device__ void put_channels(float* p, int64_t count, const Four& v) {
  if constexpr (kVector) {
    *reinterpret_cast<Four*>(p) = v;
  } else {
    STEEPEST_UNROLL
    for (int l = 0; l < 4; l++)
      if (l < count) p[l] = v.at[l];
  }
}

// Where a thread of a group of blocks stands.
struct ChannelPlace {
  int64_t j;      // its first channel
  int64_t count;  // channels, none or less where k ends before
  int row;        // below the block's first

  __device__ ChannelPlace(const ChannelShape& shape, int64_t group)
      : j((group * shape.lanes + threadIdx.x % shape.lanes) * 4), count(least(4, shape.k - j)), row(threadIdx.x / shape.lanes) {}
};

// ---- what blocks do ----

// A term is what is summed of each row, kSums sums (1 or 2) a channel, of kDepth rows that a thread loads at once:
//   term.channels(j, count)             what a thread keeps of its channels
//   term.load(i, j, count)              what it reads of row i
//   term.add(channels, loaded, i, sums) adds that to sums[kSums][4]
struct ChannelShared {
  double sums[kChannelWarps][2 * 4 * kWarp];  // [kSums, lanes, 4]
};

// The sums of a block over the rows [from, end): true for the threads that have those of a channel, j.
template <class Term>
__device__ bool channel_block_sums(const ChannelShape& shape, const Term& term, int64_t group, int64_t from, int64_t end, int64_t& j,
                                   double (&totals)[Term::kSums]) {
  STEEPEST_SHARED(ChannelShared, shared);
  constexpr int kSums = Term::kSums, kDepth = Term::kDepth;
  const ChannelPlace place(shape, group);
  const int step = shape.rows(), lanes = shape.lanes;
  double sums[kSums][4] = {};
  int64_t i = from + place.row;
  if (place.count > 0 && i < end) {
    const auto channels = term.channels(place.j, place.count);
    for (; i < end; i += kDepth * step) {
      typename Term::Row rows[kDepth];
      STEEPEST_UNROLL
      for (int d = 0; d < kDepth; d++)
        if (i + d * step < end) rows[d] = term.load(i + d * step, place.j, place.count);
      STEEPEST_UNROLL
      for (int d = 0; d < kDepth; d++)
        if (i + d * step < end) term.add(channels, rows[d], i + d * step, sums);
    }
  }
  // The rows of a warp, then the warps.
  for (int s = lanes; s < kWarp; s *= 2)
    STEEPEST_UNROLL
    for (int which = 0; which < kSums; which++)
      STEEPEST_UNROLL
      for (int l = 0; l < 4; l++) sums[which][l] += __shfl_xor_sync(kAll, sums[which][l], s);
  const int lane = threadIdx.x % kWarp, thread = threadIdx.x, width = 4 * lanes;
  if (lane < lanes) {
    STEEPEST_UNROLL
    for (int which = 0; which < kSums; which++)
      STEEPEST_UNROLL
      for (int l = 0; l < 4; l++) shared.sums[threadIdx.x / kWarp][which * width + lane * 4 + l] = sums[which][l];
  }
  __syncthreads();
  j = group * width + thread;
  if (thread >= width || j >= shape.k) return false;
  STEEPEST_UNROLL
  for (int which = 0; which < kSums; which++) {
    totals[which] = 0;
    STEEPEST_UNROLL
    for (int w = 0; w < kChannelWarps; w++) totals[which] += shared.sums[w][which * width + thread];
  }
  return true;
}

// A pass f over the rows [from, end) of a block's channels:
//   f.channels(j, count)                  what a thread keeps of its channels
//   f.load(i, count)                      what it reads of the elements from i on
//   f.store(channels, loaded, i, count)
template <class F>
__device__ void channel_block_rows(const ChannelShape& shape, const F& f, int64_t group, int64_t from, int64_t end) {
  const ChannelPlace place(shape, group);
  const int step = shape.rows();
  int64_t row = from + place.row;
  if (place.count <= 0 || row >= end) return;
  const auto channels = f.channels(place.j, place.count);
  for (; row < end; row += kChannelDepth * step) {
    typename F::Row rows[kChannelDepth];
    STEEPEST_UNROLL
    for (int d = 0; d < kChannelDepth; d++)
      if (row + d * step < end) rows[d] = f.load((row + d * step) * shape.k + place.j, place.count);
    STEEPEST_UNROLL
    for (int d = 0; d < kChannelDepth; d++)
      if (row + d * step < end) f.store(channels, rows[d], (row + d * step) * shape.k + place.j, place.count);
  }
}

// ---- sums of chunks, and their totals ----

template <class Term, class Put>
struct ChannelSums {
  ChannelShape shape;
  Term term;
  int64_t rows, chunk, chunks;
  Put put;
};

template <class Term, class Put>
__global__ void __launch_bounds__(kChannelThreads) channel_sums(ChannelSums<Term, Put> p) {
  const int64_t group = blockIdx.x % p.shape.groups, part = blockIdx.x / p.shape.groups, image = part / p.chunks, chunk = part % p.chunks;
  const int64_t first = image * p.rows;
  int64_t j;
  double totals[Term::kSums];
  if (channel_block_sums(p.shape, p.term, group, first + chunk * p.chunk, first + least(p.rows, (chunk + 1) * p.chunk), j, totals))
    p.put(image, chunk, j, totals);
}

// put(image, chunk, j, sums) for each of the images of so many rows, and each chunk of their rows: one at least, though of nothing.
template <class Term, class Put>
void sum_channels(Stream& stream, const ChannelShape& shape, const Term& term, int64_t images, int64_t rows, int64_t chunk, Put put) {
  const int64_t chunks = most(1, ceil_div(rows, chunk));
  const ChannelSums<Term, Put> params{shape, term, rows, chunk, chunks, put};
  stream.launch(&channel_sums<Term, Put>, {images * chunks * shape.groups}, kChannelThreads, params, sizeof(ChannelShared));
}

template <int kSums, class F>
struct ChannelTotals {
  const double* parts;
  int64_t chunks, n;
  F f;
};

constexpr int kTotalColumns = 4;  // of a block: 32 bytes, a sector of memory
constexpr int kTotalDepth = 8;    // chunks that a thread loads at once: all there are for one image

template <int kSums>
struct ChannelTotalsShared {
  double sums[kChannelWarps][kSums][kTotalColumns];
};

template <int kSums, class F>
__global__ void __launch_bounds__(kChannelThreads) channel_totals(ChannelTotals<kSums, F> p) {
  STEEPEST_SHARED(ChannelTotalsShared<kSums>, shared);
  const int column = threadIdx.x % kTotalColumns, warp = threadIdx.x / kWarp, lane = threadIdx.x % kWarp;
  const int64_t j = static_cast<int64_t>(blockIdx.x) * kTotalColumns + column;
  double sums[kSums] = {};
  if (j < p.n) {
    constexpr int kStep = kChannelThreads / kTotalColumns;
    for (int64_t chunk = threadIdx.x / kTotalColumns; chunk < p.chunks; chunk += kTotalDepth * kStep) {
      double parts[kTotalDepth][kSums];
      STEEPEST_UNROLL
      for (int d = 0; d < kTotalDepth; d++)
        STEEPEST_UNROLL
        for (int which = 0; which < kSums; which++)
          parts[d][which] = chunk + d * kStep < p.chunks ? p.parts[((chunk + d * kStep) * kSums + which) * p.n + j] : 0.0;
      STEEPEST_UNROLL
      for (int d = 0; d < kTotalDepth; d++)
        STEEPEST_UNROLL
        for (int which = 0; which < kSums; which++) sums[which] += parts[d][which];
    }
  }
  STEEPEST_UNROLL
  for (int which = 0; which < kSums; which++) {
    for (int s = kTotalColumns; s < kWarp; s *= 2) sums[which] += __shfl_xor_sync(kAll, sums[which], s);
    if (lane < kTotalColumns) shared.sums[warp][which][lane] = sums[which];
  }
  __syncthreads();
  if (threadIdx.x >= kTotalColumns || j >= p.n) return;
  double totals[kSums] = {};
  STEEPEST_UNROLL
  for (int which = 0; which < kSums; which++)
    STEEPEST_UNROLL
    for (int w = 0; w < kChannelWarps; w++) totals[which] += shared.sums[w][which][column];
  p.f(j, totals);
}

// parts[chunks, kSums, n]: f(j, totals[kSums]) for each of n columns.
template <int kSums, class F>
void total_channels(Stream& stream, const double* parts, int64_t chunks, int64_t n, const F& f) {
  stream.launch(&channel_totals<kSums, F>, {ceil_div(n, kTotalColumns)}, kChannelThreads, ChannelTotals<kSums, F>{parts, chunks, n, f},
                sizeof(ChannelTotalsShared<kSums>));
}

// Rows of a chunk of the rows of one image: all where a thread has no more than eight of them. Else there are about 384 blocks - three, which is
// what registers allow, on each of an H200's 132 processors - and a thread has `depth` rows at least.
inline int64_t channel_chunk(const ChannelShape& shape, int64_t rows, int depth) {
  if (rows <= 8 * shape.rows()) return 8 * shape.rows();
  return most(depth, ceil_div(ceil_div(rows, most(1, 384 / shape.groups)), shape.rows())) * shape.rows();
}

// The elements of x[rows, k] themselves.
template <bool kVector>
struct ChannelValues {
  static constexpr int kSums = 1, kDepth = 4;
  const float* x;
  int64_t k;

  struct Kept {};
  using Row = Four;
  __device__ Kept channels(int64_t, int64_t) const { return {}; }
  __device__ Row load(int64_t i, int64_t j, int64_t count) const { return channels_of<kVector>(x + i * k + j, count); }
  __device__ void add(Kept, const Row& row, int64_t, double (&sums)[1][4]) const {
    STEEPEST_UNROLL
    for (int l = 0; l < 4; l++) sums[0][l] += row.at[l];
  }
};

// x[images, rows, k] -> y[images, k] = the sums over the rows, divided by `by`. Takes scratch 0 where an image has several chunks.
template <bool kVector>
void sum_rows(Stream& stream, const ChannelShape& shape, const float* x, int64_t images, int64_t rows, int64_t chunk, double by, float* y) {
  const int64_t k = shape.k, n = images * k, chunks = most(1, ceil_div(rows, chunk));
  double* const parts = chunks == 1 ? nullptr : static_cast<double*>(stream.scratch(0, static_cast<size_t>(chunks * n) * sizeof(double)));
  sum_channels(stream, shape, ChannelValues<kVector>{x, k}, images, rows, chunk, [=] __device__(int64_t image, int64_t part, int64_t j, const double* sum) {
    if (parts) parts[part * n + image * k + j] = sum[0];
    else y[image * k + j] = static_cast<float>(sum[0] / by);
  });
  if (parts) total_channels<1>(stream, parts, chunks, n, [=] __device__(int64_t i, const double* sum) { y[i] = static_cast<float>(sum[0] / by); });
}

// ---- passes over all rows ----

template <class F>
struct ChannelRows {
  ChannelShape shape;
  int64_t rows;
  F f;
};

// The last rows first: of what a sum over the rows has read, they are what is still in the cache.
template <class F>
__global__ void __launch_bounds__(kChannelThreads) channel_rows(ChannelRows<F> p) {
  const int64_t block = gridDim.x - 1 - blockIdx.x, height = kChannelDepth * p.shape.rows(), from = block / p.shape.groups * height;
  channel_block_rows(p.shape, p.f, block % p.shape.groups, from, least(p.rows, from + height));
}

template <class F>
void for_channels(Stream& stream, const ChannelShape& shape, int64_t rows, const F& f) {
  stream.launch(&channel_rows<F>, {ceil_div(rows, kChannelDepth * shape.rows()) * shape.groups}, kChannelThreads, ChannelRows<F>{shape, rows, f});
}

// ---- sums, what follows from them for each channel, and a pass over all rows by that ----

template <class Term, class Finish, class F>
struct ChannelWhole {
  ChannelShape shape;
  int64_t sum_rows, rows;
  Term term;
  Finish finish;
  F f;
};

template <class Term, class Finish, class F>
__global__ void __launch_bounds__(kChannelThreads) channel_whole(ChannelWhole<Term, Finish, F> p) {
  int64_t j;
  double totals[Term::kSums];
  if (channel_block_sums(p.shape, p.term, blockIdx.x, 0, p.sum_rows, j, totals)) p.finish(j, totals);
  __syncthreads();
  channel_block_rows(p.shape, p.f, blockIdx.x, 0, p.rows);
}

// The term over sum_rows rows, finish(j, sums), then f over `rows` rows: three launches, or one where a thread has no more than eight rows of its
// channels. Takes scratch 0.
template <class Term, class Finish, class F>
void sum_then_rows(Stream& stream, const ChannelShape& shape, const Term& term, int64_t sum_rows, int64_t rows, const Finish& finish, const F& f) {
  constexpr int kSums = Term::kSums;
  const int64_t k = shape.k;
  if (most(sum_rows, rows) <= 8 * shape.rows()) {
    const ChannelWhole<Term, Finish, F> params{shape, sum_rows, rows, term, finish, f};
    stream.launch(&channel_whole<Term, Finish, F>, {shape.groups}, kChannelThreads, params, sizeof(ChannelShared));
    return;
  }
  const int64_t chunk = channel_chunk(shape, sum_rows, Term::kDepth);
  const int64_t chunks = most(1, ceil_div(sum_rows, chunk));
  double* const parts = static_cast<double*>(stream.scratch(0, static_cast<size_t>(chunks * kSums * k) * sizeof(double)));
  sum_channels(stream, shape, term, 1, sum_rows, chunk, [=] __device__(int64_t, int64_t chunk, int64_t j, const double* sums) {
    STEEPEST_UNROLL
    for (int which = 0; which < kSums; which++) parts[(chunk * kSums + which) * k + j] = sums[which];
  });
  total_channels<kSums>(stream, parts, chunks, k, finish);
  for_channels(stream, shape, rows, f);
}

STEEPEST_KERNELS_END
