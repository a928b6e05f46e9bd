// Dense layers and sampler steps in float32, for networks of any size.
//
// Layout: row-major, an example a row. Units of a layer are padded with zeros to a multiple of
// SINGLE_COLUMN_MULTIPLE, so that no vector reaches into the next row; weights are
// `inputs × padded outputs`. Every function exists for several vector widths and the loader picks one.
#ifndef SINGLE_KERNELS_H
#define SINGLE_KERNELS_H

#include <stddef.h>
#include <stdint.h>

#define SINGLE_COLUMN_MULTIPLE 16

enum { SINGLE_ACCUMULATE = 1, SINGLE_RELU = 2 };

// c[rows × columns] = a b, plus `bias` for each column where it isn't null, plus c with
// SINGLE_ACCUMULATE, cut at 0 with SINGLE_RELU.
//
// a is `rows × inner` with the element (i, k) at a[i · a_row + k · a_inner], so that it may be a
// transpose; b is `inner × columns` with rows ldb apart. Columns are a multiple of 16.
void single_matmul(
    size_t rows, size_t inner, size_t columns, const float *a, size_t a_row, size_t a_inner,
    const float *b, size_t ldb, const float *bias, float *c, size_t ldc, int flags);
// sums[columns] += the sums of x[rows × columns] over its rows.
void single_column_sums(size_t rows, size_t columns, const float *x, float *sums);
// y[rows] = bias + x[rows × columns] w: a layer with one output.
void single_dot_rows(
    size_t rows, size_t columns, const float *x, const float *w, float bias, float *y);
// w_gradient[columns] += xᵀ d for that layer, and dx[rows × columns] = d wᵀ where dx isn't null.
void single_dot_rows_gradient(
    size_t rows, size_t columns, const float *x, const float *w, const float *d,
    float *w_gradient, float *dx);
// The same below rectifiers: dx is 0 where x is 0, and its column sums are added to `bias_gradient`.
void single_dot_rows_relu_gradient(
    size_t rows, size_t columns, const float *x, const float *w, const float *d,
    float *w_gradient, float *dx, float *bias_gradient);
// values = tanh(values), to a few units of the last place of 1.
void single_tanh(size_t count, float *values);
// d *= 1 − y².
void single_tanh_gradient(size_t count, const float *y, float *d);
// d = 0 where y = 0.
void single_relu_gradient(size_t count, const float *y, float *d);
// z = x y.
void single_multiply(size_t count, const float *x, const float *y, float *z);
// x[columns × rows] = the transpose of w[rows × columns], rows ldw and ldx apart.
void single_transpose(
    size_t rows, size_t columns, const float *w, size_t ldw, float *x, size_t ldx);
// Sum of squares, in float64 across blocks.
double single_square_sum(size_t count, const float *x);
// d[count] = factor (x − y).
//
// Returns the sum of squares of x − y, in float64.
double single_errors(size_t count, const float *x, const float *y, float factor, float *d);

// Of count whitened parameters: momentum −= kick (deviation · gradient + z), z += drift · momentum,
// theta = deviation · z. A leapfrog step between two gradients of the energy.
void single_leapfrog(
    size_t count, float kick, float drift, const float *deviations, const float *gradient,
    float *momentum, float *z, float *theta);

// Numbers of the standard normal distribution: Philox4x32-10 of (key, block, counter) by Box and
// Muller. The number at an index depends on key, counter and index only; count is a multiple of 64.
void single_normals(size_t count, uint64_t key, uint64_t counter, float *values);

// What a step of a stochastic gradient sampler is made of.
struct single_sampler_step {
  float scale;        // of `gradient`, the sum of a batch's: N / B
  float decay;        // of the velocity: 1 − friction
  float step;         // ε on the energy
  float amplitude;    // of the noise: √(2 friction ε T), 0 for none
  float square_decay; // β of the preconditioner
  float offset;       // of the preconditioner's root
  float square_scale; // of the gradient in the mean square: 1 / N
};
// Of count whitened parameters z (a multiple of 64) with prior deviations `deviations`:
// g = scale · deviation · gradient, G = 1 / (offset + √squares) with squares ← β squares + (1 − β)
// (square_scale g)² where `squares` isn't null, else `gains` where those aren't null, else 1;
// velocity ← decay · velocity − step · G (g + z) + amplitude √G ξ; z ← z + velocity.
void single_sampler_step(
    size_t count, const struct single_sampler_step *options, uint64_t key, uint64_t counter,
    const float *deviations, const float *gains, const float *gradient, float *squares,
    float *velocity, float *z);

#endif
