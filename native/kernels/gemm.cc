// gemm: c[m, n] = op(a)[m, k] op(b)[k, n] (+ c) (+ bias[n]), then relu. Row-major; op(a) is a[m, k], or the transpose of a stored [k, m];
// op(b) is b[k, n], or the transpose of b stored [n, k].
//
// Each element is one chain of fused multiply-adds over k in ascending order, from 0 or (accumulate) from c; then the bias is added. So the
// bits depend on nothing else: not on threads, on blocks, or on which rows are computed together.
//
// Blocks (after Goto and van de Geijn, "Anatomy of high-performance matrix multiplication", 2008): b is packed once, by the whole team, in
// panels of kTileColumns; a unit of work is a block of rows times a group of panels, and goes through k in steps of kDepthBlock: it packs its
// rows of a in strips (L2), then takes panel after panel against all of them. The depth is large, so that for k <= 1024 no element of c is
// read back: on this machine the reload of c cost more than a panel that comes from L2 instead of L1.
//
// AMD EPYC (Zen 5, 2 cores, busy with other work), gcc 12.2, 2026-11-24. One thread, processor time, packing included: percent of the
// register-only FMA loop timed in between (AVX-512 200-220, AVX2 100-110 GFLOP/s). Median of 5 interleaved runs (lowest-highest):
//               256^3       1024^3      a'          b'          2048^3      128x128x3136  3136x128x128 a'  128x3136x128 b'
//   AVX-512     65 (51-71)  79 (75-81)  76 (73-77)  78 (78-80)  78 (77-81)  64 (60-68)    72 (71-75)       51 (48-58)
//   AVX2        79 (70-88)  89 (80-89)  85 (70-86)  86 (83-90)  79 (68-82)  77 (68-79)    80 (70-82)       79 (68-81)
// Depth x rows of a block at 1024^3: 256x224 ... 1024x140 have medians 77-79 and ranges that overlap: the choice rests on the caches alone.
#include "gemm_tile.h"

STEEPEST_KERNELS_BEGIN

namespace {

constexpr int64_t kRowBlock = 8 * kTileRows;  // rows of a a unit holds, packed: with AVX-512 112 x 1024 floats = 459 KB of L2
constexpr int64_t kPackedFloats = int64_t{1} << 23;  // b is packed in rounds of at most this many floats, 32 MB
constexpr int64_t kSmallRows = 2 * kTileRows;    // up to here packing b costs more than it saves

enum Slot { kPackedB, kBias, kPackedA };

// One product cut for the team: columns [column0, column0 + columns) of c, b's panels at `packed` (or b itself, where `in_place`).
struct Round {
  const gemm_args& g;
  float* packed;
  const float* bias;
  bool in_place;
  int64_t column0, columns;

  // In place only the last, narrow panel is ever packed.
  float* panel_at(int64_t panel) const { return packed + (in_place ? 0 : panel * kTileColumns * g.k); }

  void pack(int64_t panel) const {
    const int64_t j = column0 + panel * kTileColumns, width = least(kTileColumns, column0 + columns - j);
    if (in_place && width == kTileColumns) return;
    float* dst = panel_at(panel);
    if (g.transposeB) {
      pack_panel_transposed(g.b + j * g.k, g.k, g.k, width, dst);
    } else {
      pack_panel(g.b + j, g.n, g.k, width, dst);
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
    const int64_t rows = i1 - i0, blocks = most(1, ceil_div(g.k, kDepthBlock)), start = 0;
    const bool strips = panel1 - panel0 > 1;  // else each part of a is read once: as it lies
    float* packed_a = nullptr;
    if (strips) {
      const int64_t floats = tile_count(rows) * kTileRows * ceil_div(g.k, blocks) + kLanes;
      packed_a = static_cast<float*>(team.scratch(thread, kPackedA, sizeof(float) * static_cast<size_t>(floats)));
    }
    int64_t row[kRowBlock];
    for (int64_t block = 0; block < blocks; ++block) {
      const int64_t k0 = g.k * block / blocks, k1 = g.k * (block + 1) / blocks;
      if (strips) {
        pack_rows(i0, i1, k0, k1, packed_a);
        for (int64_t index = 0; index < tile_count(rows); ++index)
          for (int64_t i = tile_begin(rows, index); i < tile_begin(rows, index + 1); ++i)
            row[i] = index * kTileRows * (k1 - k0) + i - tile_begin(rows, index);
      } else {
        for (int64_t i = 0; i < rows; ++i) row[i] = g.transposeA ? i : i * g.k;
      }
      const float* a = strips ? packed_a : g.a + (g.transposeA ? k0 * g.m + i0 : i0 * g.k + k0);
      const Walk walk{&start, 1, k1 - k0, strips ? kTileRows : g.transposeA ? g.m : 1};
      const bool last = block + 1 == blocks;
      for (int64_t panel = panel0; panel < panel1; ++panel) {
        const int64_t j = column0 + panel * kTileColumns, width = least(kTileColumns, column0 + columns - j);
        const bool direct = in_place && width == kTileColumns;
        const int64_t b_step = direct ? g.n : panel_width(width);
        const float* b = direct ? g.b + j + k0 * g.n : panel_at(panel) + k0 * b_step;
        const Finish finish{block > 0 || g.accumulate != 0, last && bias ? bias + j : nullptr, last && g.relu != 0};
        multiply(a, row, rows, walk, b, b_step, g.c + i0 * g.n + j, g.n, width, finish);
      }
    }
  }
};

}  // namespace

void gemm(const gemm_args& g, Team& team) {
  if (g.m == 0 || g.n == 0) return;
  float* bias = nullptr;
  if (g.bias) {
    bias = static_cast<float*>(team.scratch(0, kBias, sizeof(float) * (g.n + kTileColumns)));
    pad_bias(g.bias, g.n, bias);
  }
  const bool in_place = !g.transposeB && g.m <= kSmallRows;
  const int64_t panels_of_n = ceil_div(g.n, kTileColumns);
  const int64_t panels_a_round = in_place ? panels_of_n : least(panels_of_n, most(1, kPackedFloats / (kTileColumns * most(1, g.k))));
  const int64_t packed_panels = in_place ? 1 : panels_a_round;
  float* packed = static_cast<float*>(team.scratch(0, kPackedB, sizeof(float) * most(1, packed_panels * kTileColumns * g.k)));

  for (int64_t first = 0; first < panels_of_n; first += panels_a_round) {
    const int64_t panels = least(panels_a_round, panels_of_n - first), column0 = first * kTileColumns;
    const Round round{g, packed, bias, in_place, column0, least(panels * kTileColumns, g.n - column0)};
    team.parallel(panels, 1, [&](int64_t begin, int64_t end, int) {
      for (int64_t panel = begin; panel < end; ++panel) round.pack(panel);
    });
    // Cut in units: rows in blocks, then columns in groups, until every thread has some four.
    const int64_t wanted = team.threads() > 1 ? 4 * team.threads() : 1;
    const int64_t row_blocks = most(ceil_div(g.m, kRowBlock), least(wanted, g.m / (4 * kTileRows)));
    const int64_t groups = most(1, least(panels, ceil_div(wanted, row_blocks)));
    team.parallel(row_blocks * groups, 1, [&](int64_t begin, int64_t end, int thread) {
      for (int64_t unit = begin; unit < end; ++unit) {
        const int64_t i = unit / groups, j = unit % groups;
        round.compute(g.m * i / row_blocks, g.m * (i + 1) / row_blocks, panels * j / groups, panels * (j + 1) / groups, team, thread);
      }
    });
  }
}

STEEPEST_KERNELS_END
