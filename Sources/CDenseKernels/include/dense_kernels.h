// Dense layers of small networks, in float64.
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

// y[outputs × rows] = bias + weightsᵀ x[inputs × rows]; no bias where it is null.
void dense_forward_f64(
    size_t inputs, size_t outputs, size_t rows, const double *x, const double *weights,
    const double *bias, double *y);
// weights[inputs × outputs] += x dᵀ, bias[outputs] += row sums of d; no bias where null.
void dense_weight_gradient_f64(
    size_t inputs, size_t outputs, size_t rows, const double *x, const double *d, double *weights,
    double *bias);
// dx[inputs × rows] = weights d[outputs × rows].
void dense_input_gradient_f64(
    size_t inputs, size_t outputs, size_t rows, const double *weights, const double *d, double *dx);
// values = tanh(values), to an absolute error of a few units of the last place of 1.
void dense_tanh_f64(size_t count, double *values);
// d *= 1 − y², the derivative of y = tanh.
void dense_tanh_gradient_f64(size_t count, const double *y, double *d);
// values = max(values, 0).
void dense_relu_f64(size_t count, double *values);
// d = 0 where y = 0, the derivative of y = max(x, 0).
void dense_relu_gradient_f64(size_t count, const double *y, double *d);

#endif
