#include "one_hidden_kernels.h"
#include "single_kernels.h"

#include <stdint.h>

#if defined(__x86_64__) && defined(__linux__)
#define HAS_WIDTHS 1
#include <immintrin.h>
#endif

#define INLINE static inline __attribute__((always_inline))

typedef float floats4 __attribute__((vector_size(16), aligned(4)));

enum { GROUP = ONE_HIDDEN_GROUP };

#ifdef HAS_WIDTHS
#pragma clang attribute push(__attribute__((target("avx512f,fma"))), apply_to = function)
#define NAME(x) wide_##x
#define LANES 16
#define PANEL 12
#define BACK_INPUTS 6
#include "one_hidden_widths.h"
#undef NAME
#undef LANES
#undef PANEL
#undef BACK_INPUTS
#include "one_hidden_subsets.h"
#pragma clang attribute pop
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#define NAME(x) middle_##x
#define LANES 8
#define PANEL 3
#define BACK_INPUTS 2
#include "one_hidden_widths.h"
#undef NAME
#undef LANES
#undef PANEL
#undef BACK_INPUTS
#pragma clang attribute pop
#endif
#define NAME(x) narrow_##x
#define LANES 4
#define PANEL 1
#define BACK_INPUTS 2
#include "one_hidden_widths.h"

enum one_hidden_width one_hidden_widest(void) {
#ifdef HAS_WIDTHS
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f")) return ONE_HIDDEN_WIDE;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return ONE_HIDDEN_MIDDLE;
#endif
  return ONE_HIDDEN_NARROW;
}

// Calls a function of the given width.
#ifdef HAS_WIDTHS
#define AT_WIDTH(width, call) \
  switch (width) { \
    case ONE_HIDDEN_WIDE: wide_##call; break; \
    case ONE_HIDDEN_MIDDLE: middle_##call; break; \
    case ONE_HIDDEN_NARROW: narrow_##call; break; \
  }
#else
#define AT_WIDTH(width, call) narrow_##call;
#endif

void one_hidden_forward(
    const struct one_hidden *network, size_t groups, const float *rows, const float *parameters,
    float *hidden, float *out) {
  AT_WIDTH(network->width, forward(network, groups, rows, parameters, hidden, out))
}

void one_hidden_backward(
    const struct one_hidden *network, size_t groups, const float *rows, const float *parameters,
    float *hidden, const float *slopes, float *gradient) {
  AT_WIDTH(
      network->width, backward(network, groups, rows, parameters, hidden, slopes, gradient))
}
