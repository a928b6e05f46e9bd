#include "single_kernels.h"

#include <string.h>

// exp(x) for −87 < x ≤ 0 as 2ⁿ e^r with |r| ≤ ln 2 / 2 and Taylor's series of e^r. Adding 1.5·2^23 rounds
// to an integer and leaves it in the low bits.
static inline __attribute__((always_inline)) float single_exponential(float x) {
  float shifted = x * 0x1.715476p0f + 0x1.8p23f;
  float n = shifted - 0x1.8p23f;
  float r = x - n * 0x1.62e400p-1f;
  r -= n * 0x1.7f7d1cp-20f;
  float p = 1.0f / 5040;
  p = p * r + 1.0f / 720;
  p = p * r + 1.0f / 120;
  p = p * r + 1.0f / 24;
  p = p * r + 1.0f / 6;
  p = p * r + 0.5f;
  p = p * r + 1.0f;
  p = p * r + 1.0f;
  uint32_t bits;
  memcpy(&bits, &shifted, 4);
  bits = (bits + 127) << 23;
  float power;
  memcpy(&power, &bits, 4);
  return p * power;
}

// Sixteen lanes, which the compiler cuts into registers.
typedef uint32_t words16 __attribute__((vector_size(64), aligned(4)));
typedef int32_t integers16 __attribute__((vector_size(64), aligned(4)));
typedef float floats16 __attribute__((vector_size(64), aligned(4)));
typedef uint64_t longs16 __attribute__((vector_size(128), aligned(4)));

#if defined(__x86_64__) && defined(__linux__)
#define HAS_WIDTHS 1
#pragma clang attribute push(__attribute__((target("avx512f,fma"))), apply_to = function)
#define NAME(x) wide_##x
#define LANES 16
#define ROWS 6
#define VECTORS 4
#include "single_widths.h"
#undef NAME
#undef LANES
#undef ROWS
#undef VECTORS
#pragma clang attribute pop
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#define NAME(x) middle_##x
#define LANES 8
#define ROWS 6
#define VECTORS 2
#include "single_widths.h"
#undef NAME
#undef LANES
#undef ROWS
#undef VECTORS
#pragma clang attribute pop
#endif
#define NAME(x) narrow_##x
#define LANES 4
#define ROWS 4
#define VECTORS 2
#include "single_widths.h"
#undef NAME
#undef LANES
#undef ROWS
#undef VECTORS

// Each public function is an indirect one, which the loader resolves once.
#ifdef HAS_WIDTHS
#define CHOOSE(result, name, parameters, arguments) \
  static result(*choose_##name(void)) parameters { \
    __builtin_cpu_init(); \
    if (__builtin_cpu_supports("avx512f")) return wide_##name; \
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return middle_##name; \
    return narrow_##name; \
  } \
  result single_##name parameters __attribute__((ifunc("choose_" #name)));
#else
#define CHOOSE(result, name, parameters, arguments) \
  result single_##name parameters { return narrow_##name arguments; }
#endif

CHOOSE(
    void, matmul,
    (size_t rows, size_t inner, size_t columns, const float *a, size_t a_row, size_t a_inner,
     const float *b, size_t ldb, const float *bias, float *c, size_t ldc, int flags),
    (rows, inner, columns, a, a_row, a_inner, b, ldb, bias, c, ldc, flags))
CHOOSE(
    void, column_sums, (size_t rows, size_t columns, const float *x, float *sums),
    (rows, columns, x, sums))
CHOOSE(
    void, dot_rows,
    (size_t rows, size_t columns, const float *x, const float *w, float bias, float *y),
    (rows, columns, x, w, bias, y))
CHOOSE(
    void, dot_rows_gradient,
    (size_t rows, size_t columns, const float *x, const float *w, const float *d,
     float *w_gradient, float *dx),
    (rows, columns, x, w, d, w_gradient, dx))
CHOOSE(
    void, dot_rows_relu_gradient,
    (size_t rows, size_t columns, const float *x, const float *w, const float *d,
     float *w_gradient, float *dx, float *bias_gradient),
    (rows, columns, x, w, d, w_gradient, dx, bias_gradient))
CHOOSE(void, tanh, (size_t count, float *values), (count, values))
CHOOSE(void, tanh_gradient, (size_t count, const float *y, float *d), (count, y, d))
CHOOSE(void, relu_gradient, (size_t count, const float *y, float *d), (count, y, d))
CHOOSE(
    void, multiply, (size_t count, const float *x, const float *y, float *z), (count, x, y, z))
CHOOSE(
    void, transpose,
    (size_t rows, size_t columns, const float *w, size_t ldw, float *x, size_t ldx),
    (rows, columns, w, ldw, x, ldx))
CHOOSE(double, square_sum, (size_t count, const float *x), (count, x))
CHOOSE(
    double, errors, (size_t count, const float *x, const float *y, float factor, float *d),
    (count, x, y, factor, d))
CHOOSE(
    void, leapfrog,
    (size_t count, float kick, float drift, const float *restrict deviations,
     const float *restrict gradient, float *restrict momentum, float *restrict z,
     float *restrict theta),
    (count, kick, drift, deviations, gradient, momentum, z, theta))
CHOOSE(
    void, normals, (size_t count, uint64_t key, uint64_t counter, float *values),
    (count, key, counter, values))
CHOOSE(
    void, sampler_step,
    (size_t count, const struct single_sampler_step *options, uint64_t key, uint64_t counter,
     const float *restrict deviations, const float *restrict gains,
     const float *restrict gradient, float *restrict squares, float *restrict velocity,
     float *restrict z),
    (count, options, key, counter, deviations, gains, gradient, squares, velocity, z))
