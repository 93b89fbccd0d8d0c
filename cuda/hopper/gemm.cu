// c[m, n] = op(a)[m, k] op(b)[k, n] by Hopper's own instructions, in two launches:
//   1. a and b are rounded to bf16 or tf32 and laid along depth (operands.cuh);
//   2. hopper_product: as many blocks as a device has SMs pass through the tiles of c. One thread of a block keeps the copy engine busy: slices of
//      the tile's lines, into a ring of places in shared memory, of this tile and then of the next. Two groups of 128 threads multiply what is
//      there, 64 rows each, into sums in registers, which go to c by way of shared memory while the next slices are copied.
// The sum goes up the depth, in steps of 16 or 8 that wgmma adds in an order of its own: the same bits for the same operands, but not those of
// gemm.cu. The scheme is that of NVIDIA's CUTLASS ("warp specialized persistent cooperative") and of ThunderKittens.
#include "gemm.h"

#include "gemm.cuh"
#include "instructions.cuh"
#include "operands.cuh"

STEEPEST_KERNELS_BEGIN

constexpr int kGroup = 128;  // threads that wgmma takes
constexpr int kHopperGroups = 2;
constexpr int kHopperThreads = (1 + kHopperGroups) * kGroup;
constexpr int kGroupRows = kHopperRows / kHopperGroups;
static_assert(kGroupRows == 64, "of wgmma");

// Registers, of which all threads get 168 at first: 65536 / 384, in eights.
constexpr int kCopierRegisters = 40, kMultiplierRegisters = 232;
static_assert(kCopierRegisters + kHopperGroups * kMultiplierRegisters == (1 + kHopperGroups) * 168, "as many as there are");

// What a warp hands its sums round in: 16 rows x 32 columns, rows so far apart that a write of 8 bytes by half a warp meets all banks once.
constexpr int kHandedColumns = 32, kHandedPitch = 40;

template <int Columns>
struct HopperShared {
  static constexpr int kStages = Columns == 256 ? 4 : 6;
  static constexpr int kABytes = kHopperRows * kSliceBytes, kBBytes = Columns * kSliceBytes;
  unsigned char a[kStages][kABytes];  // at a multiple of 1024, as all of a and b are then
  unsigned char b[kStages][kBBytes];
  alignas(16) float handed[kHopperGroups * kGroup / kWarp][16 * kHandedPitch];
  alignas(8) uint64_t full[kStages], empty[kStages];
};

// With room to begin at a multiple of 1024.
template <int Columns>
struct HopperMemory {
  unsigned char bytes[kPatternBytes - 128 + sizeof(HopperShared<Columns>)];
};
static_assert(sizeof(HopperMemory<256>) <= 227 << 10 && sizeof(HopperMemory<128>) <= 227 << 10, "of an SM");

template <class E>
struct HopperProduct {
  TensorMap a, b;
  E end;
  int64_t rows, columns;
  int slices;
  int row_tiles, column_tiles, together;  // see tile_place
};

template <Arithmetic Kind, int Columns, class E>
__global__ void __launch_bounds__(kHopperThreads, 1) hopper_product(const __grid_constant__ HopperProduct<E> p) {
  STEEPEST_SHARED(HopperMemory<Columns>, memory);
  using Shared = HopperShared<Columns>;
  constexpr int kStages = Shared::kStages;
  auto& shared = *reinterpret_cast<Shared*>(memory.bytes + (kPatternBytes - shared_address(memory.bytes) % kPatternBytes) % kPatternBytes);
  const int tiles = p.row_tiles * p.column_tiles;
  const int warp = __shfl_sync(kAll, static_cast<int>(threadIdx.x) / kWarp, 0), lane = threadIdx.x % kWarp;

  if (threadIdx.x == 0) {
    for (int stage = 0; stage < kStages; stage++) {
      barrier_make(shared.full[stage], 1);
      barrier_make(shared.empty[stage], kHopperGroups * kGroup / kWarp);
    }
    barriers_made();
  }
  __syncthreads();

  if (warp < kGroup / kWarp) {  // the copier, and 127 who have nothing to do
    registers_give<kCopierRegisters>();
    if (threadIdx.x == 0) {
      Ring<kStages> ring;
      for (int tile = static_cast<int>(blockIdx.x); tile < tiles; tile += static_cast<int>(gridDim.x)) {
        const TilePlace at = tile_place(tile, p.row_tiles, p.column_tiles, p.together);
        for (int slice = 0; slice < p.slices; slice++, ring.next()) {
          barrier_wait(shared.empty[ring.stage], ring.round ^ 1);
          uint64_t& full = shared.full[ring.stage];
          barrier_arrive(full, Shared::kABytes + Shared::kBBytes);
          copy_box(shared.a[ring.stage], p.a, slice * (kSliceBytes / 4), at.row * static_cast<int>(kHopperRows), full);
          copy_box(shared.b[ring.stage], p.b, slice * (kSliceBytes / 4), at.column * Columns, full);
        }
      }
    }
  } else {
    registers_take<kMultiplierRegisters>();
    const int multiplier = warp - kGroup / kWarp;  // of 8 warps
    const int first_row = multiplier / 4 * kGroupRows;
    const uint64_t a0 = line_descriptor(shared_address(shared.a[0]) + first_row * kSliceBytes), b0 = line_descriptor(shared_address(shared.b[0]));
    float* const handed = shared.handed[multiplier];
    Ring<kStages> ring;
    for (int tile = static_cast<int>(blockIdx.x); tile < tiles; tile += static_cast<int>(gridDim.x)) {
      float sums[Columns / 2] = {};
      int before = 0;  // the place of the slice before
      for (int slice = 0; slice < p.slices; slice++, ring.next()) {
        barrier_wait(shared.full[ring.stage], ring.round);
        const uint64_t a = a0 + descriptor_offset(ring.stage * Shared::kABytes), b = b0 + descriptor_offset(ring.stage * Shared::kBBytes);
        multiply_begin();
        STEEPEST_UNROLL
        for (int step = 0; step < kSliceBytes; step += kStepBytes) multiply<Kind>(sums, a + descriptor_offset(step), b + descriptor_offset(step));
        multiply_commit();
        multiply_wait<1>(sums);  // those of the slice before are done
        if (slice > 0 && lane == 0) barrier_arrive(shared.empty[before]);
        before = ring.stage;
      }
      multiply_wait<0>(sums);
      if (lane == 0) barrier_arrive(shared.empty[before]);

      // A lane gets squares of 4 rows x 4 columns, 8 lanes 32 columns side by side.
      const TilePlace at = tile_place(tile, p.row_tiles, p.column_tiles, p.together);
      const int64_t row = at.row * kHopperRows + first_row + multiplier % 4 * 16 + lane / 8 * 4;
      const int64_t column = static_cast<int64_t>(at.column) * Columns + lane % 8 * 4;
      STEEPEST_UNROLL
      for (int first = 0; first < Columns; first += kHandedColumns) {
        STEEPEST_UNROLL
        for (int i = first / 2; i < (first + kHandedColumns) / 2; i += 2) {
          const SumPlace place = sum_place(lane, i);
          *reinterpret_cast<float2*>(handed + place.row * kHandedPitch + place.column - first) = make_float2(sums[i], sums[i + 1]);
        }
        __syncwarp();
        float square[4][4];
        STEEPEST_UNROLL
        for (int i = 0; i < 4; i++) {
          const float4 four = load4(handed + (lane / 8 * 4 + i) * kHandedPitch + lane % 8 * 4);
          square[i][0] = four.x, square[i][1] = four.y, square[i][2] = four.z, square[i][3] = four.w;
        }
        __syncwarp();
        if (row < p.rows && column + first < p.columns) p.end(row, column + first, square);
      }
    }
  }
}

template <Arithmetic Kind, int Columns>
void hopper_gemm_of(const gemm_args& a, Stream& stream) {
  const int64_t slices = ceil_div(a.k, slice_depth(Kind));
  const auto operand = [&](int slot, const float* x, int64_t lines, bool along) {
    auto* to = static_cast<uint4*>(stream.scratch(slot, static_cast<size_t>(lines * slices) * kSliceBytes));
    return RoundedOperand{x, to, lines, a.k, slices, along, (along ? a.k : lines) % 4 == 0 && aligned(16, x)};
  };
  const RoundedOperand x = operand(0, a.a, a.m, a.transposeA == 0), y = operand(1, a.b, a.n, a.transposeB != 0);
  const Rounding rounding{x, y, rounding_blocks(x)};
  stream.launch(&hopper_round<Kind>, {rounding.blocks + rounding_blocks(y)}, kRoundingThreads, rounding, sizeof(RoundingShared<Kind>));

  const int64_t row_tiles = ceil_div(a.m, kHopperRows), column_tiles = ceil_div(a.n, Columns);
  const HopperProduct<GemmEnd> p{stream.tensor_map(x.to, a.m, slices * kSliceBytes, kHopperRows),
                                 stream.tensor_map(y.to, a.n, slices * kSliceBytes, Columns),
                                 gemm_end(a),
                                 a.m,
                                 a.n,
                                 static_cast<int>(slices),
                                 static_cast<int>(row_tiles),
                                 static_cast<int>(column_tiles),
                                 static_cast<int>(least(2048 / Columns, column_tiles))};
  const int64_t blocks = least(kHopperBlocks, row_tiles * column_tiles);
  stream.launch(&hopper_product<Kind, Columns, GemmEnd>, {blocks}, kHopperThreads, p, sizeof(HopperMemory<Columns>));
}

template <Arithmetic Kind>
void hopper_gemm_of(const gemm_args& a, int columns, Stream& stream) {
  columns == 256 ? hopper_gemm_of<Kind, 256>(a, stream) : hopper_gemm_of<Kind, 128>(a, stream);
}

void hopper_gemm(const gemm_args& a, int columns, Stream& stream) {
  if (stream.arithmetic == Arithmetic::kTf32) return hopper_gemm_of<Arithmetic::kTf32>(a, columns, stream);
  hopper_gemm_of<Arithmetic::kBf16>(a, columns, stream);
}

STEEPEST_KERNELS_END
