#pragma once
#include <stddef.h>
#include <stdint.h>

// Kernels of backward linear bounds. Eight problems lie side by side: element i of lane n is at
// [8 i + n], so that a weight is loaded once for all eight.

enum { BOUND_LANES = 8 };

// A layer's elements as (channels, height, width); a dense layer is (1, 1, width).
typedef struct {
  int32_t channels, height, width;
} bound_shape;

// Rows top ..< bottom and columns left ..< right of every channel.
typedef struct {
  int32_t top, bottom, left, right;
} bound_window;

typedef struct {
  bound_shape input, output;
  int32_t kernel_height, kernel_width, stride_height, stride_width, padding_height, padding_width;
} bound_convolution;

// y[c] = bias[c] + Σ_r matrix[r][c] x[r]; rows of zeros are skipped. `bias` may be null, `rows_used`
// has room for `rows` numbers.
void bound_dense(
    size_t rows, size_t columns, const double *matrix, const double *x, const double *bias,
    uint32_t *rows_used, double *y);

// The input window of x = Wᵀ a where a is zero outside of its window.
// Weights lie as [kernel row][kernel column][output channel][input channel].
void bound_convolution_transposed(
    const bound_convolution *shape, const double *weights, const double *a, bound_window window,
    bound_window input_window, double *x);

// The output window of y = W x + b, one bias an output.
// Weights lie as [kernel row][kernel column][input channel][output channel].
void bound_convolution_forward(
    const bound_convolution *shape, const double *weights, const double *bias, const double *x,
    bound_window window, double *y);

// Through a ReLU: a = max(g, 0) lower + min(g, 0) upper, d += min(g, 0) intercept.
// `upper` and `intercept` have one number an element where `shared`, else eight.
void bound_relu_backward(
    bound_shape shape, bound_window window, const double *g, const double *lower,
    const double *upper, const double *intercept, int shared, double *a, double *d);

// The relaxed ReLU at a point: z = g > 0 ? lower zhat : upper zhat + intercept.
void bound_relu_forward(
    bound_shape shape, bound_window window, const double *g, const double *lower,
    const double *upper, const double *intercept, int shared, const double *zhat, double *z);

// d += Σ a b over the window; one b an element.
void bound_bias(bound_shape shape, bound_window window, const double *a, const double *b, double *d);

// value = d + Σ (g centre - |g| radius), and the minimising vertex; one centre and radius an
// element where `shared`, else eight. `vertex` may be null.
void bound_concretise(
    bound_shape shape, bound_window window, const double *g, const double *centre,
    const double *radius, int shared, const double *d, double *value, double *vertex);

// One step of Adam up the gradient zhat max(g, 0) of the lower slopes at `active` elements, each in
// [0, 1] and rounded to float; lanes whose intercept is not positive are not ambiguous and keep
// theirs. Moments lie as [active][8]. `rate` and `correction` (of the second moment) contain the
// bias corrections. Lanes whose `improved` is not 0 first save their slopes in `best`.
void bound_ascend(
    size_t count, const uint32_t *active, const double *g, const double *zhat,
    const double *intercept, int shared, double rate, double correction, double *lower,
    double *first, double *second);

// best[active][8] = lower at the active elements for lanes with improved[lane] != 0.
void bound_save(
    size_t count, const uint32_t *active, const double *lower, const int64_t *improved,
    float *best);
