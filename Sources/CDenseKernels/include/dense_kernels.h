// Dense layers of small networks, for float64 and float32.
//
// C, because clang compiles each function for several vector widths and the loader picks one
// (target_clones), which Swift cannot ask for.
//
// Layout: feature-major. A block of rows is `features × rows`, each feature's rows side by side.
// `rows` is a multiple of DENSE_ROW_MULTIPLE; rows that pad a block need derivatives of zero.
// Weights are `inputs × outputs`, each input's weights side by side.
#ifndef DENSE_KERNELS_H
#define DENSE_KERNELS_H

#include <stddef.h>

#define DENSE_ROW_MULTIPLE 16

#define DENSE_KERNELS(REAL, SUFFIX)                                                               \
  /* y[outputs × rows] = bias + weightsᵀ x[inputs × rows]; no bias where it is null. */           \
  void dense_forward_##SUFFIX(                                                                    \
      size_t inputs, size_t outputs, size_t rows, const REAL *x, const REAL *weights,             \
      const REAL *bias, REAL *y);                                                                 \
  /* weights[inputs × outputs] += x dᵀ, bias[outputs] += row sums of d; no bias where null. */    \
  void dense_weight_gradient_##SUFFIX(                                                            \
      size_t inputs, size_t outputs, size_t rows, const REAL *x, const REAL *d, REAL *weights,    \
      REAL *bias);                                                                                \
  /* dx[inputs × rows] = weights d[outputs × rows]. */                                            \
  void dense_input_gradient_##SUFFIX(                                                             \
      size_t inputs, size_t outputs, size_t rows, const REAL *weights, const REAL *d, REAL *dx);  \
  /* values = tanh(values), to an absolute error of a few units of the last place of 1. */        \
  void dense_tanh_##SUFFIX(size_t count, REAL *values);                                           \
  /* d *= 1 − y², the derivative of y = tanh. */                                                  \
  void dense_tanh_gradient_##SUFFIX(size_t count, const REAL *y, REAL *d);                        \
  /* values = max(values, 0). */                                                                  \
  void dense_relu_##SUFFIX(size_t count, REAL *values);                                           \
  /* d = 0 where y = 0, the derivative of y = max(x, 0). */                                       \
  void dense_relu_gradient_##SUFFIX(size_t count, const REAL *y, REAL *d);

DENSE_KERNELS(double, f64)
DENSE_KERNELS(float, f32)

#endif
