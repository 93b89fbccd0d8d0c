// Reading a batch out of a data set: row i of y is row indices[i] of the source; NaN (a label: -1) where there is no such row.
#include "rows.cuh"

STEEPEST_KERNELS_BEGIN

// y[rows, k] = value(source[indices[rows], k]), N values of a row at a time.
template <int N, class T, class F>
void gather_packs(Stream& stream, const T* source, int64_t source_rows, const int32_t* indices, float* y, int64_t rows, int64_t k, F value) {
  on_rows(stream, rows, k / N, [=] __device__(auto row) {
    const int from = indices[row.index];
    const bool known = from >= 0 && from < source_rows;
    const Pack<T, N>* const x = reinterpret_cast<const Pack<T, N>*>(source) + (known ? from * row.k : 0);
    Pack<float, N>* const to = row.of(reinterpret_cast<Pack<float, N>*>(y));
    row.each([=](int64_t j) { return known ? x[j] : Pack<T, N>{}; },
             [=](int64_t j, const Pack<T, N>& values) {
               Pack<float, N> result;
               for (int c = 0; c < N; c++) result.at[c] = known ? value(values.at[c]) : NAN;
               to[j] = result;
             });
  });
}

template <class T, class F>
void gather(Stream& stream, const T* source, int64_t source_rows, const int32_t* indices, float* y, int64_t rows, int64_t k, F value) {
  if (k % 4 == 0 && aligned(4 * sizeof(T), source) && aligned(16, y)) gather_packs<4>(stream, source, source_rows, indices, y, rows, k, value);
  else gather_packs<1>(stream, source, source_rows, indices, y, rows, k, value);
}

// source[sourceRows, k], indices[rows] -> y[rows, k].
void gather_rows(const gather_rows_args& a, Stream& stream) {
  gather(stream, a.source, a.sourceRows, a.indices, a.y, a.rows, a.k, [] __device__(float x) { return x; });
}

// The same from bytes: y = source * factor + shift.
void gather_bytes(const gather_bytes_args& a, Stream& stream) {
  const float factor = static_cast<float>(a.factor), shift = static_cast<float>(a.shift);
  gather(stream, a.source, a.sourceRows, a.indices, a.y, a.rows, a.k, [=] __device__(uint8_t x) { return fmaf(x, factor, shift); });
}

// source[sourceRows], indices[rows] -> y[rows].
void gather_labels(const gather_labels_args& a, Stream& stream) {
  elementwise(stream, a.rows, [=] __device__(int64_t i) {
    const int from = a.indices[i];
    a.y[i] = from >= 0 && from < a.sourceRows ? a.source[from] : -1;
  });
}

STEEPEST_KERNELS_END
