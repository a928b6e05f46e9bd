#include "dense_kernels.h"

#include <stdint.h>
#include <string.h>

#if defined(__x86_64__) && defined(__linux__)
#define WIDTHS __attribute__((target_clones("avx512f", "arch=haswell", "default")))
#else
#define WIDTHS
#endif

// exp(x) for −64 < x ≤ 0 as 2ⁿ e^r with |r| ≤ ln 2 / 2 (Cody and Waite's reduction) and Taylor's
// series of e^r, which ends where its rest is below half a unit of the last place. Adding 1.5·2^52
// rounds to an integer and leaves it in the low bits.
static inline __attribute__((always_inline)) double exponential_f64(double x) {
  double shifted = x * 0x1.71547652b82fep0 + 0x1.8p52;
  double n = shifted - 0x1.8p52;
  double r = x - n * 0x1.62e42fefa0000p-1;
  r -= n * 0x1.cf79abc9e3b3ap-40;
  double p = 1.0 / 6227020800.0;
  p = p * r + 1.0 / 479001600.0;
  p = p * r + 1.0 / 39916800.0;
  p = p * r + 1.0 / 3628800.0;
  p = p * r + 1.0 / 362880.0;
  p = p * r + 1.0 / 40320.0;
  p = p * r + 1.0 / 5040.0;
  p = p * r + 1.0 / 720.0;
  p = p * r + 1.0 / 120.0;
  p = p * r + 1.0 / 24.0;
  p = p * r + 1.0 / 6.0;
  p = p * r + 0.5;
  p = p * r + 1.0;
  p = p * r + 1.0;
  int64_t bits;
  memcpy(&bits, &shifted, 8);
  bits = (int64_t)((uint64_t)(bits + 1023) << 52);
  double power;
  memcpy(&power, &bits, 8);
  return p * power;
}

static inline __attribute__((always_inline)) float exponential_f32(float x) {
  float shifted = x * 0x1.715476p0f + 0x1.8p23f;
  float n = shifted - 0x1.8p23f;
  float r = x - n * 0x1.62e400p-1f;
  r -= n * 0x1.7f7d1cp-20f;
  float p = 1.0f / 5040.0f;
  p = p * r + 1.0f / 720.0f;
  p = p * r + 1.0f / 120.0f;
  p = p * r + 1.0f / 24.0f;
  p = p * r + 1.0f / 6.0f;
  p = p * r + 0.5f;
  p = p * r + 1.0f;
  p = p * r + 1.0f;
  int32_t bits;
  memcpy(&bits, &shifted, 4);
  bits = (int32_t)((uint32_t)(bits + 127) << 23);
  float power;
  memcpy(&power, &bits, 4);
  return p * power;
}

#define REAL double
#define SUFFIX f64
#define EXPONENTIAL exponential_f64
#include "kernels.h"

#define REAL float
#define SUFFIX f32
#define EXPONENTIAL exponential_f32
#include "kernels.h"
