// C[rows, columns] = A[rows, depth] B[depth, columns], where A and B may lie anywhere and C goes anywhere: the core of gemm and of convolutions.
//
// Three small structs say where. An operand (a or b; the rows of A and the columns of B are its lines):
//
//   struct Plain {                                  // a[lines, depth], row-major: 4 numbers along depth lie together
//     static constexpr bool kAlongDepth = true;     // false: 4 lines at one depth lie together
//     static constexpr int kVector = 4;             // numbers copied at once: 4 where each such group stands at 16 bytes, else 1
//     struct Line { const float* from; bool valid; };
//     struct Step { int64_t k; bool valid; };
//     __device__ Line line(int64_t i) const { return {a + least(i, lines - 1) * depth, i < lines}; }
//     __device__ Step step(int64_t k) const { return {k, k < depth}; }
//     __device__ Place at(const Line& line, const Step& step) const { return {line.from + step.k, line.valid && step.valid}; }
//     ...
//   };
//
// A thread copies a few groups of kVector numbers of each slice of the depth. It calls line() once for each line that it copies (the first line of
// a group), before all sums, so line() may divide; step() once for each depth in each slice (along depth: one a slice, the first of its group;
// across: 2 to 16), and at() for each group. i and k run past the ends, up to a tile: then, or where a number is padding, Place::valid is false
// and zeros are taken; nothing is read then. A group is valid as a whole, so with kVector = 4 the extent it runs along must be a multiple of 4
// (and with padding along it, be it pixels or channels, the pieces of it too).
//
// And where sums go, 4 rows x 4 columns at a time: row and column are multiples of 4, row < rows, column < columns, but the last rows and
// columns of the four may lie behind the end. One thread has all four rows, so a 2 x 2 pooling window can be four rows.
//
//   struct Store {
//     __device__ void operator()(int64_t row, int64_t column, const float (&sums)[4][4]) const { ... }   // sums[row][column]
//   };
//
// Then: product<Tile128x128, Tile64x64>(stream, Product<Plain, Plain, Store>{a, b, store, rows, columns, depth}, kWhole);
// takes the tile of the list that suits the sizes. A kernel is compiled for each tile and each of three arithmetics: keep lists short.
// An operand or end may have more ways by plain numbers of its own (see GemmEnd::wide), the same for all threads, at no cost worth a kernel.
//
// The bits of an element depend on its row of A and its column of B alone: the sum goes up the depth from 0, by one chain of fused multiply-adds,
// whatever the tile; a slice kernel may so be cut anywhere. kSplit: where there are too few tiles for a large device, the depth is cut by rows,
// columns and depth alone, the parts are added in order by a second kernel; it takes slot 0 of the scratch.
//
// Tiles: a block of threads sums kRows x kColumns elements; slices of 16 of the depth pass through shared memory, kStages of them on their way.
// A warp has 32 rows x 16 columns once or several times, a thread 4 x 4 of each: for 8 x 8 sums 16 numbers are read for 64 multiply-adds.
// After the kernels of NVIDIA's CUTLASS ("Efficient GEMM in CUDA", its documentation) and of Scott Gray's maxas.
#pragma once
#include <utility>

#include "product_slice.cuh"

STEEPEST_KERNELS_BEGIN

template <class A, class B, class E>
struct Product {
  A a;
  B b;
  E end;
  int64_t rows, columns, depth;
  // Products side by side, of these sizes or smaller ones: the operands and the end tell them apart by blockIdx.y. Where a has block_depth(), that
  // is the depth of the block's. Only with kWhole.
  int64_t products = 1;
};

// ---- the kernels ----

struct TilePlace {
  int row, column;
};

// The order of tiles: down strips of `together` columns of them, so that what is read at one time stays in the L2 cache.
__host__ __device__ inline TilePlace tile_place(int index, int row_tiles, int column_tiles, int together) {
  const int strip = index / (together * row_tiles), in_strip = index - strip * together * row_tiles, first = strip * together;
  const int wide = column_tiles - first < together ? column_tiles - first : together;
  return {in_strip / wide, first + in_strip % wide};
}

template <class A, class B, class E>
struct ProductLaunch {
  Product<A, B, E> p;
  int row_tiles, column_tiles;
  int together;    // columns of tiles, see tile_place
  int64_t part;    // of the depth, a multiple of kSlice; blockIdx.z is the number of the part
  float* partial;  // [parts, rows, columns], both rounded up to 4s; null where the whole depth is one part
};

template <class A, class = void>
struct BlockDepth {
  static __device__ int64_t of(const A&, int64_t depth) { return depth; }
};
template <class A>
struct BlockDepth<A, decltype(std::declval<const A&>().block_depth(), void())> {
  static __device__ int64_t of(const A& a, int64_t) { return a.block_depth(); }
};

template <Arithmetic Kind, class Tile, class A, class B, class E>
__global__ void __launch_bounds__(Tile::kThreads, Tile::kBlocks) product_tiles(ProductLaunch<A, B, E> l) {
  STEEPEST_SHARED(ProductShared<Tile>, shared);
  constexpr int kStages = Tile::kStages;
  const auto [row_tile, column_tile] = tile_place(static_cast<int>(blockIdx.x), l.row_tiles, l.column_tiles, l.together);
  int64_t k = blockIdx.z * l.part;  // of the slice that is copied next
  const int slices = static_cast<int>(ceil_div(least(l.part, BlockDepth<A>::of(l.p.a, l.p.depth) - k), kSlice));

  const SliceCopier<A, Tile::kRows, Tile::kThreads> copier_a(l.p.a, static_cast<int64_t>(row_tile) * Tile::kRows);
  const SliceCopier<B, Tile::kColumns, Tile::kThreads> copier_b(l.p.b, static_cast<int64_t>(column_tile) * Tile::kColumns);
  const int warp = threadIdx.x / kWarp;
  const ProductLane lane = product_lane<Kind>(threadIdx.x % kWarp);
  const int warp_row = warp % (Tile::kRows / Tile::kWarpRows) * Tile::kWarpRows, row = warp_row + lane.row;
  const int warp_column = warp / (Tile::kRows / Tile::kWarpRows) * Tile::kWarpColumns, column = warp_column + lane.column;
  Sums<Tile> sums = {};

  const auto copy = [&](int stage) {
    copier_a.copy(l.p.a, k, shared.a[stage]);
    copier_b.copy(l.p.b, k, shared.b[stage]);
    k += kSlice;
  };
  for (int s = 0; s < kStages - 1; s++) {
    if (s < slices) copy(s);
    copy_commit();
  }
  int from = 0;  // the stage that is read; the one before it is written
  for (int left = slices; left > 0; left--) {
    copy_wait<kStages - 2>();
    __syncthreads();  // the slice is there, and all are done with the one that is overwritten next
    if (left >= kStages) copy(from == 0 ? kStages - 1 : from - 1);
    copy_commit();
    if constexpr (Kind == Arithmetic::kFull) {
      add_slice<Tile, A::kAlongDepth, B::kAlongDepth>(shared.a[from], shared.b[from], row, column, sums);
    } else {
      add_slice_rounded<Kind, Tile, A::kAlongDepth, B::kAlongDepth>(shared.a[from], shared.b[from], warp_row, warp_column, sums);
    }
    from = from == kStages - 1 ? 0 : from + 1;
  }

  const int64_t rows4 = ceil_div(l.p.rows, 4) * 4, columns4 = ceil_div(l.p.columns, 4) * 4;
  STEEPEST_UNROLL
  for (int d = 0; d < Tile::kDown; d++) {
    STEEPEST_UNROLL
    for (int c = 0; c < Tile::kAcross; c++) {
      const int64_t i = static_cast<int64_t>(row_tile) * Tile::kRows + row + d * 32;
      const int64_t j = static_cast<int64_t>(column_tile) * Tile::kColumns + column + c / 2 * 32 + c % 2 * lane.next;
      if (i >= l.p.rows || j >= l.p.columns) continue;
      if (l.partial == nullptr) {
        l.p.end(i, j, sums[d][c]);
        continue;
      }
      float* to = l.partial + (blockIdx.z * rows4 + i) * columns4 + j;
      STEEPEST_UNROLL
      for (int x = 0; x < 4; x++)
        *reinterpret_cast<float4*>(to + x * columns4) = make_float4(sums[d][c][x][0], sums[d][c][x][1], sums[d][c][x][2], sums[d][c][x][3]);
    }
  }
}

template <class E>
struct ProductParts {
  E end;
  const float* partial;
  int64_t rows4, columns4;
  int parts, warps;
};

constexpr int kPartsWarps = 8;

struct PartsShared {
  float sums[kPartsWarps][16][kWarp];
};

// Adds the parts: a lane has 4 x 4 elements, a warp of `warps` every warps-th part; then the first adds what the warps have, in their order.
template <class E>
__global__ void __launch_bounds__(kPartsWarps * kWarp) product_parts(ProductParts<E> p) {
  STEEPEST_SHARED(PartsShared, shared);
  const int warp = threadIdx.x / kWarp, lane = threadIdx.x % kWarp;
  const int64_t square = static_cast<int64_t>(blockIdx.x) * kWarp + lane, across = p.columns4 / 4;
  const int64_t row = square / across * 4, column = square % across * 4;
  float sums[4][4] = {};
  if (row < p.rows4) {
    const float* from = p.partial + row * p.columns4 + column;
    STEEPEST_UNROLL_BY(4)
    for (int part = warp; part < p.parts; part += p.warps) {
      STEEPEST_UNROLL
      for (int i = 0; i < 4; i++) {
        const float4 v = load4(from + (part * p.rows4 + i) * p.columns4);
        sums[i][0] += v.x, sums[i][1] += v.y, sums[i][2] += v.z, sums[i][3] += v.w;
      }
    }
  }
  STEEPEST_UNROLL
  for (int i = 0; i < 16; i++) shared.sums[warp][i][lane] = sums[i / 4][i % 4];
  __syncthreads();
  if (warp > 0 || row >= p.rows4) return;
  for (int w = 1; w < p.warps; w++) {
    STEEPEST_UNROLL
    for (int i = 0; i < 16; i++) sums[i / 4][i % 4] += shared.sums[w][i][lane];
  }
  p.end(row, column, sums);
}

// ---- what to launch: by the sizes alone ----

enum ProductSplit : bool { kWhole = false, kSplit = true };

// How much of the depth is a part of so many.
inline int64_t product_part(int64_t depth, int64_t parts) { return most(1, ceil_div(ceil_div(depth, kSlice), parts)) * kSlice; }

struct ProductPlan {
  int tile;       // of the list
  int64_t parts;  // of the depth
  double cost;
};

constexpr int64_t kSMs = 132;  // of an H100; the plan must not depend on the device
constexpr int64_t kMostWaves = 8;
constexpr int64_t kMostParts = 512;
constexpr int64_t kLeastPart = 64;    // of the depth

// Cycles of the busiest SM, by estimate: at best 128 multiply-adds a cycle, fewer where a thread has fewer sums for what it reads, or where there
// are too few threads to hide what each waits for.
inline double product_cost(int64_t rows, int64_t columns, int64_t depth, int64_t tile_rows, int64_t tile_columns, int64_t parts) {
  const int64_t blocks = ceil_div(rows, tile_rows) * ceil_div(columns, tile_columns) * parts, area = tile_rows * tile_columns;
  const double rate = area >= 128 * 128 ? 115 : area >= 128 * 64 ? 110 : 90;
  const double alone = 0.8 * 64 * 64 / static_cast<double>(area);  // what is lost with one block, in blocks
  const double work = (static_cast<double>(ceil_div(blocks, kSMs)) + alone) * static_cast<double>(area * (ceil_div(depth, parts) + 2 * kSlice)) / rate;
  if (parts == 1) return work;
  // Another launch, the way through the parts, and their memory, written and read at some 16 bytes a cycle and SM.
  return work + 3000 + 20 * static_cast<double>(parts) + static_cast<double>(parts) * static_cast<double>(rows) * static_cast<double>(columns) / 256;
}

template <class... Tiles>
ProductPlan product_plan(int64_t rows, int64_t columns, int64_t depth, ProductSplit split) {
  ProductPlan best{0, 1, -1};
  int index = 0;
  const auto consider = [&](int64_t tile_rows, int64_t tile_columns) {
    const int64_t tiles = ceil_div(rows, tile_rows) * ceil_div(columns, tile_columns), limit = split ? least(kMostParts, depth / kLeastPart) : 1;
    for (int64_t waves = 0, before = 0; waves <= kMostWaves; waves++) {  // of blocks, one an SM
      const int64_t parts = most(1, least(limit, waves * kSMs / tiles));
      if (parts == before) continue;
      before = parts;
      const double cost = product_cost(rows, columns, depth, tile_rows, tile_columns, parts);
      if (best.cost < 0 || cost < best.cost) best = {index, parts, cost};
    }
    index++;
  };
  (consider(Tiles::kRows, Tiles::kColumns), ...);
  best.parts = most(1, ceil_div(depth, product_part(depth, best.parts)));  // none of them empty
  return best;
}

template <Arithmetic Kind, class Tile, class A, class B, class E>
void launch_product(Stream& stream, const Product<A, B, E>& p, int64_t parts) {
  const int64_t row_tiles = ceil_div(p.rows, Tile::kRows), column_tiles = ceil_div(p.columns, Tile::kColumns);
  const int64_t rows4 = ceil_div(p.rows, 4) * 4, columns4 = ceil_div(p.columns, 4) * 4;
  float* partial = nullptr;
  if (parts > 1) partial = static_cast<float*>(stream.scratch(0, static_cast<size_t>(parts * rows4 * columns4) * sizeof(float)));
  const ProductLaunch<A, B, E> l{p, static_cast<int>(row_tiles), static_cast<int>(column_tiles), static_cast<int>(least(16, column_tiles)), product_part(p.depth, parts), partial};
  stream.launch(&product_tiles<Kind, Tile, A, B, E>, {row_tiles * column_tiles, p.products, parts}, Tile::kThreads, l, sizeof(ProductShared<Tile>));
  if (parts == 1) return;
  const int warps = static_cast<int>(least(kPartsWarps, parts));
  stream.launch(&product_parts<E>, {ceil_div(rows4 / 4 * (columns4 / 4), kWarp)}, warps * kWarp,
                ProductParts<E>{p.end, partial, rows4, columns4, static_cast<int>(parts), warps}, sizeof(PartsShared));
}

template <class Tile, class A, class B, class E>
void launch_product(Stream& stream, const Product<A, B, E>& p, int64_t parts) {
  switch (stream.arithmetic) {
    case Arithmetic::kFull: return launch_product<Arithmetic::kFull, Tile>(stream, p, parts);
    case Arithmetic::kTf32: return launch_product<Arithmetic::kTf32, typename Tile::Rounded>(stream, p, parts);
    case Arithmetic::kBf16: return launch_product<Arithmetic::kBf16, typename Tile::Rounded>(stream, p, parts);
  }
}

template <class... Tiles, class A, class B, class E>
void product(Stream& stream, const Product<A, B, E>& p, ProductSplit split) {
  if (p.rows <= 0 || p.columns <= 0) return;
  const ProductPlan plan = product_plan<Tiles...>(p.rows * p.products, p.columns, p.depth, split);
  int index = 0;
  ((plan.tile == index++ ? launch_product<Tiles>(stream, p, plan.parts) : void()), ...);
}

STEEPEST_KERNELS_END
