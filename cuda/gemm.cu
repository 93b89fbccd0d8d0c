// gemm: c[m, n] = op(a)[m, k] op(b)[k, n] (+ c) (+ bias[n]), then relu. Row-major; op(a) is a[m, k], or the transpose of a stored [k, m];
// op(b) is b[k, n], or the transpose of b stored [n, k].
#include "gemm.cuh"
#include "hopper/gemm.h"

STEEPEST_KERNELS_BEGIN

// Lines of an operand, x[lines, depth], or Across: x[depth, lines].
template <bool Along, int Vector>
struct GemmOperand {
  static constexpr bool kAlongDepth = Along;
  static constexpr int kVector = Vector;
  const float* x;
  int64_t lines, depth;

  struct Line {
    const float* from;
    bool valid;
  };
  struct Step {
    int64_t at;
    bool valid;
  };
  __device__ Line line(int64_t i) const {
    const bool valid = i < lines;
    return {x + (valid ? i : 0) * (Along ? depth : 1), valid};
  }
  __device__ Step step(int64_t k) const {
    const bool valid = k < depth;
    return {(valid ? k : 0) * (Along ? 1 : lines), valid};
  }
  __device__ Place at(const Line& line, const Step& step) const { return {line.from + step.at, line.valid && step.valid}; }
};

template <bool AlongA, bool AlongB, int Vector, class... Tiles>
void gemm_product(const gemm_args& a, Stream& stream) {
  using A = GemmOperand<AlongA, Vector>;
  using B = GemmOperand<AlongB, Vector>;
  product<Tiles...>(stream, Product<A, B, GemmEnd>{{a.a, a.m, a.k}, {a.b, a.n, a.k}, gemm_end(a), a.m, a.n, a.k}, kSplit);
}

template <bool AlongA, bool AlongB>
void gemm_of(const gemm_args& a, Stream& stream) {
  const bool vectors = aligned(16, a.a, a.b) && (AlongA ? a.k : a.m) % 4 == 0 && (AlongB ? a.k : a.n) % 4 == 0;
  if constexpr (!AlongA && AlongB) {  // a' b': no layer needs it
    vectors ? gemm_product<AlongA, AlongB, 4, Tile64x64>(a, stream) : gemm_product<AlongA, AlongB, 1, Tile64x64>(a, stream);
  } else {
    vectors ? gemm_product<AlongA, AlongB, 4, Tile128x128, Tile64x64>(a, stream) : gemm_product<AlongA, AlongB, 1, Tile64x64, Tile128x32>(a, stream);
  }
}

void gemm(const gemm_args& a, Stream& stream) {
  if (const int columns = hopper_columns(a, stream)) return hopper_gemm(a, columns, stream);
  if (a.transposeA) return a.transposeB ? gemm_of<false, true>(a, stream) : gemm_of<false, false>(a, stream);
  a.transposeB ? gemm_of<true, true>(a, stream) : gemm_of<true, false>(a, stream);
}

STEEPEST_KERNELS_END
