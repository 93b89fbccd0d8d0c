// gemm: c[m, n] = op(a)[m, k] op(b)[k, n] (+ c) (+ bias[n]), then relu. Row-major; op(a) is a[m, k], or the transpose of a stored [k, m];
// op(b) is b[k, n], or the transpose of b stored [n, k].
//
// Each element is one chain of fused multiply-adds over k in ascending order, from 0 or (accumulate) from c; then the bias is added. So the
// bits depend on nothing else: not on threads, on blocks, on what is packed, or on which rows are computed together.
//
// Blocks (after Goto and van de Geijn, "Anatomy of high-performance matrix multiplication", 2008): a unit of work is a block of rows times a
// group of panels of kTileColumns columns, and goes through k in steps of kDepthBlock, panel after panel against all of its rows. The depth
// is large, so that for k <= 1024 no element of c is read back. As little as possible is packed, since with sizes of some hundreds a packed
// float is used too few times to pay for the move:
//   a   is read where it lies, either way round; in strips only where its rows would push each other out of the cache (strides of 4096 bytes)
//   b   is read where it lies; it is packed where it is stored transposed, is large, or has such strides: by the whole team before the
//       units begin, or, where all rows are one block, panel by panel by the thread that is about to use it
//
// AMD EPYC (Zen 5, 2 cores of a shared host, other programs paused), gcc 12.2, 2026-11-24, `bench kernels --filter gemm --threads 1`, percent
// of the register-only FMA loop (AVX-512 216, AVX2 111 GFLOP/s), medians:
//               256^3   512^3   1024^3   2048^3   128x128x3136   3136x128x128 a'   128x3136x128 b'   128x512x784
//   AVX-512     89      91      86       83       92             85                80                90
//   AVX2        91      89      89       86       92             87                91                75
// PyTorch's MKL, as it comes (it runs at the speed of AVX2 here): `npm run bench:peers -- --gemm`, ratios 1.2-8.5. Made to believe in Intel, in
// one process with this kernel and in turns: 64^3 0.98, 128^3 0.93, 256^3 1.04, 512^3 1.03, 1024^3 0.98, 2048^3 0.85, 128x128x3136 1.01,
// 128x3136x128 b' 0.96, 128x512x784 1.10 of its speed.
// With all of a and b packed instead (AVX-512, interleaved, GFLOP/s): 64^3 159 for 191, 128^3 178 for 199, 512^3 188 for 200, 128x128x3136 177
// for 204. At strides of 4096 bytes (1024^3) 125 unpacked for 175 with a in strips and b in panels.
#include "gemm_tile.h"

STEEPEST_KERNELS_BEGIN

namespace {

constexpr int64_t kRowBlock = 140;                     // rows a unit has at most: 140 x 1024 floats of a are 573 KB of L2. A batch of 128 is one block
constexpr int64_t kInPlaceFloats = int64_t{1} << 19;   // a larger b is packed
constexpr int64_t kPackedFloats = int64_t{1} << 23;    // in rounds of at most this many floats, 32 MB
constexpr int64_t kFewRows = 64;                       // of a: up to here packing b costs more than it saves
constexpr int64_t kUnitWork = int64_t{1} << 18;        // multiply-adds that are worth a unit

enum Slot { kPackedB, kBias, kPackedA, kPanel };

// Whether rows so many floats apart fall on the same few lines of the caches.
bool collide(int64_t apart) { return apart > 1000 && (apart + 2) % 1024 <= 4; }

// Columns [column0, column0 + columns) of c.
struct Product {
  const gemm_args& g;
  const float* bias;
  float* packed;           // b in panels of all its depth, or null
  bool in_place, strips;   // full panels of b are read where they lie; a is packed
  int64_t column0, columns;

  int64_t column(int64_t panel) const { return column0 + panel * kTileColumns; }
  int64_t width(int64_t panel) const { return least(kTileColumns, column0 + columns - column(panel)); }

  // The steps [k0, k1) of a panel.
  void pack(int64_t panel, int64_t k0, int64_t k1, float* dst) const {
    if (g.transposeB) {
      pack_panel_transposed(g.b + column(panel) * g.k + k0, g.k, k1 - k0, width(panel), dst);
    } else {
      pack_panel(g.b + column(panel) + k0 * g.n, g.n, k1 - k0, width(panel), dst);
    }
  }

  // Rows [i0, i1) of a for the steps [k0, k1): a strip for each tile, strips k1 - k0 steps apart.
  void pack_rows(int64_t i0, int64_t i1, int64_t k0, int64_t k1, float* dst) const {
    for (int64_t index = 0; index < tile_count(i1 - i0); ++index, dst += (k1 - k0) * kTileRows) {
      const int64_t i = i0 + tile_begin(i1 - i0, index), rows = i0 + tile_begin(i1 - i0, index + 1) - i;
      if (g.transposeA) {
        pack_strip_transposed(g.a + k0 * g.m + i, g.m, rows, g.m - i, k1 - k0, dst);
      } else {
        pack_strip(g.a + i * g.k + k0, g.k, rows, k1 - k0, dst);
      }
    }
  }

  // Rows [i0, i1) of panels [panel0, panel1).
  void compute(int64_t i0, int64_t i1, int64_t panel0, int64_t panel1, Team& team, int thread) const {
    const int64_t rows = i1 - i0, blocks = most(1, ceil_div(g.k, kDepthBlock)), depth = ceil_div(g.k, blocks), start = 0;
    float* packed_a = strips ? floats(team, thread, kPackedA, tile_count(rows) * kTileRows * depth + kLanes) : nullptr;
    float* own = packed ? nullptr : floats(team, thread, kPanel, depth * kTileColumns);
    for (int64_t block = 0; block < blocks; ++block) {
      const int64_t k0 = g.k * block / blocks, k1 = g.k * (block + 1) / blocks;
      const bool last = block + 1 == blocks;
      if (strips) pack_rows(i0, i1, k0, k1, packed_a);
      for (int64_t panel = panel0; panel < panel1; ++panel) {
        const int64_t j = column(panel), columns = width(panel);
        const float* b = own;
        int64_t b_step = panel_width(columns);
        if (packed) {
          b = packed + panel * kTileColumns * g.k + k0 * b_step;
        } else if (in_place && columns == kTileColumns) {
          b = g.b + k0 * g.n + j;
          b_step = g.n;
        } else {
          pack(panel, k0, k1, own);
        }
        const Finish finish{block > 0 || g.accumulate != 0, last && bias ? bias + j : nullptr, last && g.relu != 0};
        float* c = g.c + i0 * g.n + j;
        if (strips) {
          for (int64_t index = 0; index < tile_count(rows); ++index) {
            const int64_t first = tile_begin(rows, index), count = tile_begin(rows, index + 1) - first;
            multiply<kAdjacent>(packed_a + index * kTileRows * (k1 - k0), nullptr, count, {&start, 1, k1 - k0, kTileRows}, b, b_step, c + first * g.n, g.n,
                                columns, finish);
          }
        } else if (g.transposeA) {
          multiply<kAdjacent>(g.a + k0 * g.m + i0, nullptr, rows, {&start, 1, k1 - k0, g.m}, b, b_step, c, g.n, columns, finish);
        } else {
          multiply<kEven>(g.a + i0 * g.k + k0, nullptr, rows, {&start, 1, k1 - k0, 1, g.k}, b, b_step, c, g.n, columns, finish);
        }
      }
    }
  }
};

}  // namespace

void gemm(const gemm_args& g, Team& team) {
  if (g.m == 0 || g.n == 0) return;
  float* bias = nullptr;
  if (g.bias) {
    bias = floats(team, 0, kBias, g.n + kTileColumns);
    pad_bias(g.bias, g.n, bias);
  }
  const bool in_place = !g.transposeB && (g.m <= kFewRows || !collide(g.n));
  const bool strips = collide(g.transposeA ? g.m : g.k) && g.n > 2 * kTileColumns;
  const bool team_packs = g.m > kRowBlock && (!in_place || g.n * g.k > kInPlaceFloats);
  const int64_t panels_of_n = ceil_div(g.n, kTileColumns);
  const int64_t panels_a_round = team_packs ? least(panels_of_n, most(1, kPackedFloats / (kTileColumns * most(1, g.k)))) : panels_of_n;
  float* packed = nullptr;
  if (team_packs) packed = floats(team, 0, kPackedB, most(1, panels_a_round * kTileColumns * g.k));
  const int64_t wanted = team.threads() == 1 ? 1 : least(4 * team.threads(), g.m * g.n * g.k / kUnitWork);
  for (int64_t first = 0; first < panels_of_n; first += panels_a_round) {
    const int64_t panels = least(panels_a_round, panels_of_n - first), column0 = first * kTileColumns;
    const Product product{g, bias, packed, in_place, strips, column0, least(panels * kTileColumns, g.n - column0)};
    if (packed)
      team.parallel(panels, 1, [&](int64_t begin, int64_t end, int) {
        for (int64_t panel = begin; panel < end; ++panel) product.pack(panel, 0, g.k, packed + panel * kTileColumns * g.k);
      });
    // Cut in units: rows in blocks, then columns in groups, until every thread has some four.
    const int64_t row_blocks = most(ceil_div(g.m, kRowBlock), least(wanted / (packed ? 1 : panels), g.m / (4 * kTileRows)));
    const int64_t groups = most(1, least(panels, ceil_div(wanted, row_blocks)));
    team.parallel(row_blocks * groups, 1, [&](int64_t begin, int64_t end, int thread) {
      for (int64_t unit = begin; unit < end; ++unit) {
        const int64_t i = unit / groups, j = unit % groups;
        product.compute(g.m * i / row_blocks, g.m * (i + 1) / row_blocks, panels * j / groups, panels * (j + 1) / groups, team, thread);
      }
    });
  }
}

STEEPEST_KERNELS_END
