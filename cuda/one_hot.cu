// Labels as rows: `on` at the label, `off` elsewhere (lecture notes 1.2). A label outside 0 .. k-1 gives a row of NaN.
#include "rows.cuh"

STEEPEST_KERNELS_BEGIN

// labels[rows] -> y[rows, k].
void one_hot_forward(const one_hot_forward_args& a, Stream& stream) {
  const float off = static_cast<float>(a.off), on = static_cast<float>(a.on);
  on_rows(stream, a.rows, a.k, [=] __device__(auto row) {
    float* const y = row.of(a.y);
    const int label = a.labels[row.index];
    const float rest = label >= 0 && label < row.k ? off : NAN;
    row.each([=](int64_t j) { return j == label ? on : rest; }, [=](int64_t j, float value) { y[j] = value; });
  });
}

STEEPEST_KERNELS_END
