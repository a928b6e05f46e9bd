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
static inline __attribute__((always_inline)) double exponential(double x) {
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

enum { LANES = 8 };
typedef double vector __attribute__((vector_size(8 * LANES), aligned(sizeof(double))));

// A macro, since a function can't return a vector that is wider than the default's registers.
#define LOAD(pointer) (*(const vector *)(pointer))

static inline __attribute__((always_inline)) double sum(const vector *v) {
  double s = 0;
  for (size_t lane = 0; lane < LANES; lane++) s += (*v)[lane];
  return s;
}

WIDTHS void dense_forward_f64(
    size_t inputs, size_t outputs, size_t rows, const double *x, const double *weights,
    const double *bias, double *y) {
  size_t j = 0;
  for (; j + 4 <= outputs; j += 4) {
    for (size_t r = 0; r < rows; r += LANES) {
      vector a = {0}, b = {0}, c = {0}, d = {0};
      if (bias) { a += bias[j]; b += bias[j + 1]; c += bias[j + 2]; d += bias[j + 3]; }
      const double *w = weights + j;
      for (size_t i = 0; i < inputs; i++, w += outputs) {
        vector v = LOAD(x + i * rows + r);
        a += v * w[0]; b += v * w[1]; c += v * w[2]; d += v * w[3];
      }
      *(vector *)(y + j * rows + r) = a;
      *(vector *)(y + (j + 1) * rows + r) = b;
      *(vector *)(y + (j + 2) * rows + r) = c;
      *(vector *)(y + (j + 3) * rows + r) = d;
    }
  }
  for (; j < outputs; j++) {
    for (size_t r = 0; r < rows; r += LANES) {
      // Two sums, since one would wait for itself.
      vector a = {0}, b = {0};
      if (bias) a += bias[j];
      size_t i = 0;
      for (; i + 2 <= inputs; i += 2) {
        a += LOAD(x + i * rows + r) * weights[i * outputs + j];
        b += LOAD(x + (i + 1) * rows + r) * weights[(i + 1) * outputs + j];
      }
      if (i < inputs) a += LOAD(x + i * rows + r) * weights[i * outputs + j];
      *(vector *)(y + j * rows + r) = a + b;
    }
  }
}

WIDTHS void dense_weight_gradient_f64(
    size_t inputs, size_t outputs, size_t rows, const double *x, const double *d, double *weights,
    double *bias) {
  for (size_t i = 0; i < inputs; i++) {
    const double *xi = x + i * rows;
    double *w = weights + i * outputs;
    size_t j = 0;
    for (; j + 4 <= outputs; j += 4) {
      const double *dj = d + j * rows;
      vector a = {0}, b = {0}, c = {0}, e = {0};
      for (size_t r = 0; r < rows; r += LANES) {
        vector v = LOAD(xi + r);
        a += v * LOAD(dj + r);
        b += v * LOAD(dj + rows + r);
        c += v * LOAD(dj + 2 * rows + r);
        e += v * LOAD(dj + 3 * rows + r);
      }
      w[j] += sum(&a);
      w[j + 1] += sum(&b);
      w[j + 2] += sum(&c);
      w[j + 3] += sum(&e);
    }
    for (; j < outputs; j++) {
      vector a = {0};
      for (size_t r = 0; r < rows; r += LANES) a += LOAD(xi + r) * LOAD(d + j * rows + r);
      w[j] += sum(&a);
    }
  }
  if (!bias) return;
  for (size_t j = 0; j < outputs; j++) {
    vector a = {0};
    for (size_t r = 0; r < rows; r += LANES) a += LOAD(d + j * rows + r);
    bias[j] += sum(&a);
  }
}

WIDTHS void dense_input_gradient_f64(
    size_t inputs, size_t outputs, size_t rows, const double *weights, const double *d, double *dx) {
  size_t i = 0;
  for (; i + 4 <= inputs; i += 4) {
    const double *w = weights + i * outputs;
    for (size_t r = 0; r < rows; r += LANES) {
      vector a = {0}, b = {0}, c = {0}, e = {0};
      for (size_t j = 0; j < outputs; j++) {
        vector v = LOAD(d + j * rows + r);
        a += v * w[j]; b += v * w[outputs + j]; c += v * w[2 * outputs + j];
        e += v * w[3 * outputs + j];
      }
      *(vector *)(dx + i * rows + r) = a;
      *(vector *)(dx + (i + 1) * rows + r) = b;
      *(vector *)(dx + (i + 2) * rows + r) = c;
      *(vector *)(dx + (i + 3) * rows + r) = e;
    }
  }
  for (; i < inputs; i++) {
    for (size_t r = 0; r < rows; r += LANES) {
      vector a = {0};
      for (size_t j = 0; j < outputs; j++) a += LOAD(d + j * rows + r) * weights[i * outputs + j];
      *(vector *)(dx + i * rows + r) = a;
    }
  }
}

WIDTHS void dense_tanh_f64(size_t count, double *values) {
  for (size_t i = 0; i < count; i++) {
    double x = values[i];
    double size = x < 0 ? -x : x;
    size = size > 20 ? 20 : size;
    // NaN stays NaN: both comparisons above are false.
    double e = exponential(-2 * size);
    double t = (1 - e) / (1 + e);
    values[i] = x < 0 ? -t : t;
  }
}

WIDTHS void dense_tanh_gradient_f64(size_t count, const double *y, double *d) {
  for (size_t i = 0; i < count; i++) d[i] *= 1 - y[i] * y[i];
}

WIDTHS void dense_relu_f64(size_t count, double *values) {
  for (size_t i = 0; i < count; i++) values[i] = values[i] < 0 ? 0 : values[i];
}

WIDTHS void dense_relu_gradient_f64(size_t count, const double *y, double *d) {
  for (size_t i = 0; i < count; i++) d[i] = y[i] > 0 ? d[i] : 0;
}
