#include "bound_kernels.h"

#if defined(__x86_64__) && defined(__linux__)
#define WIDTHS __attribute__((target_clones("avx512f", "arch=haswell", "default")))
#else
#define WIDTHS
#endif

enum { LANES = BOUND_LANES };
typedef double vector __attribute__((vector_size(8 * LANES), aligned(sizeof(double))));
typedef int64_t mask __attribute__((vector_size(8 * LANES), aligned(sizeof(int64_t))));
typedef float narrow __attribute__((vector_size(4 * LANES), aligned(sizeof(float))));

// Macros, since a function can't return a vector that is wider than the default's registers.
#define LOAD(pointer) (*(const vector *)(pointer))
#define STORE(pointer, value) (*(vector *)(pointer) = (value))
// Where the mask is all ones the first, else the second.
#define SELECT(condition, first, second) \
  ((vector)(((condition) & (mask)(first)) | (~(condition) & (mask)(second))))
#define POSITIVE(v) ((vector)((mask)(v) & ((v) > 0)))
#define NEGATIVE(v) ((vector)((mask)(v) & ((v) < 0)))

static inline __attribute__((always_inline)) int is_zero(const double *x) {
  double sum = 0;
  for (int lane = 0; lane < LANES; lane++) sum += __builtin_fabs(x[lane]);
  return sum == 0;
}

// MARK: Linear layers

// BLOCK accumulators hide the latency of the multiply-add; each weight is broadcast to eight lanes.
#define DENSE_BLOCK(BLOCK)                                                          \
  for (; c + BLOCK <= columns; c += BLOCK) {                                        \
    vector sums[BLOCK];                                                             \
    for (int k = 0; k < BLOCK; k++) sums[k] = (vector){0} + (bias ? bias[c + k] : 0); \
    for (size_t u = 0; u < used; u++) {                                             \
      size_t r = rows_used[u];                                                      \
      const double *m = matrix + r * columns + c;                                   \
      vector v = LOAD(x + r * LANES);                                               \
      for (int k = 0; k < BLOCK; k++) sums[k] += v * m[k];                          \
    }                                                                               \
    for (int k = 0; k < BLOCK; k++) STORE(y + (c + k) * LANES, sums[k]);            \
  }

WIDTHS void bound_dense(
    size_t rows, size_t columns, const double *matrix, const double *x, const double *bias,
    uint32_t *rows_used, double *y) {
  size_t used = 0;
  for (size_t r = 0; r < rows; r++) {
    rows_used[used] = (uint32_t)r;
    used += !is_zero(x + r * LANES);
  }
  size_t c = 0;
  DENSE_BLOCK(16)
  DENSE_BLOCK(8)
  DENSE_BLOCK(4)
  DENSE_BLOCK(1)
}

// Of one pixel: `pairs` sources, each with its weights' offset; channels in blocks.
#define PIXEL_BLOCK(BLOCK)                                                                   \
  for (; c + BLOCK <= channels; c += BLOCK) {                                                \
    vector sums[BLOCK];                                                                      \
    for (int k = 0; k < BLOCK; k++)                                                          \
      sums[k] = (vector){0} + (bias ? bias[(size_t)(c + k) * area + pixel] : 0);             \
    for (int p = 0; p < pairs; p++) {                                                        \
      const double *source = from + (size_t)places[p] * LANES;                               \
      const double *w = weights + offsets[p] + c;                                            \
      for (int s = 0; s < sources; s++) {                                                    \
        vector v = LOAD(source);                                                             \
        for (int k = 0; k < BLOCK; k++) sums[k] += v * w[k];                                 \
        source += (size_t)source_area * LANES;                                               \
        w += channels;                                                                       \
      }                                                                                      \
    }                                                                                        \
    for (int k = 0; k < BLOCK; k++)                                                          \
      STORE(to + ((size_t)(c + k) * area + pixel) * LANES, sums[k]);                         \
  }

enum { PAIRS = 1024 };

WIDTHS void bound_convolution_transposed(
    const bound_convolution *shape, const double *weights, const double *a, bound_window window,
    bound_window input_window, double *x) {
  int channels = shape->input.channels, sources = shape->output.channels;
  int area = shape->input.height * shape->input.width;
  int source_area = shape->output.height * shape->output.width;
  const double *from = a, *bias = 0;
  double *to = x;
  int places[PAIRS];
  size_t offsets[PAIRS];
  for (int iy = input_window.top; iy < input_window.bottom; iy++) {
    for (int ix = input_window.left; ix < input_window.right; ix++) {
      int pairs = 0;
      for (int ky = 0; ky < shape->kernel_height; ky++) {
        int sy = iy + shape->padding_height - ky;
        if (sy < 0 || sy % shape->stride_height) continue;
        int oy = sy / shape->stride_height;
        if (oy < window.top || oy >= window.bottom) continue;
        for (int kx = 0; kx < shape->kernel_width; kx++) {
          int sx = ix + shape->padding_width - kx;
          if (sx < 0 || sx % shape->stride_width) continue;
          int ox = sx / shape->stride_width;
          if (ox < window.left || ox >= window.right) continue;
          places[pairs] = oy * shape->output.width + ox;
          offsets[pairs++] = (size_t)(ky * shape->kernel_width + kx) * sources * channels;
        }
      }
      int pixel = iy * shape->input.width + ix, c = 0;
      PIXEL_BLOCK(8)
      PIXEL_BLOCK(4)
      PIXEL_BLOCK(3)
      PIXEL_BLOCK(1)
    }
  }
}

WIDTHS void bound_convolution_forward(
    const bound_convolution *shape, const double *weights, const double *bias, const double *x,
    bound_window window, double *y) {
  int channels = shape->output.channels, sources = shape->input.channels;
  int area = shape->output.height * shape->output.width;
  int source_area = shape->input.height * shape->input.width;
  const double *from = x;
  double *to = y;
  int places[PAIRS];
  size_t offsets[PAIRS];
  for (int oy = window.top; oy < window.bottom; oy++) {
    for (int ox = window.left; ox < window.right; ox++) {
      int pairs = 0;
      for (int ky = 0; ky < shape->kernel_height; ky++) {
        int iy = oy * shape->stride_height - shape->padding_height + ky;
        if (iy < 0 || iy >= shape->input.height) continue;
        for (int kx = 0; kx < shape->kernel_width; kx++) {
          int ix = ox * shape->stride_width - shape->padding_width + kx;
          if (ix < 0 || ix >= shape->input.width) continue;
          places[pairs] = iy * shape->input.width + ix;
          offsets[pairs++] = (size_t)(ky * shape->kernel_width + kx) * sources * channels;
        }
      }
      int pixel = oy * shape->output.width + ox, c = 0;
      PIXEL_BLOCK(8)
      PIXEL_BLOCK(4)
      PIXEL_BLOCK(1)
    }
  }
}

// MARK: Elementwise

#define FOR_WINDOW                                                                     \
  for (int channel = 0; channel < shape.channels; channel++)                           \
    for (int row = window.top; row < window.bottom; row++)                             \
      for (size_t base = ((size_t)channel * shape.height + row) * shape.width,         \
                  i = base + window.left, end = base + window.right;                   \
           i < end; i++)

#define SPREAD(pointer) (shared ? (vector){0} + (pointer)[i] : LOAD((pointer) + i * LANES))

WIDTHS void bound_relu_backward(
    bound_shape shape, bound_window window, const double *g, const double *lower,
    const double *upper, const double *intercept, int shared, double *a, double *d) {
  vector sum = LOAD(d);
  FOR_WINDOW {
    vector v = LOAD(g + i * LANES), p = POSITIVE(v), n = NEGATIVE(v);
    STORE(a + i * LANES, p * LOAD(lower + i * LANES) + n * SPREAD(upper));
    sum += n * SPREAD(intercept);
  }
  STORE(d, sum);
}

WIDTHS void bound_relu_forward(
    bound_shape shape, bound_window window, const double *g, const double *lower,
    const double *upper, const double *intercept, int shared, const double *zhat, double *z) {
  FOR_WINDOW {
    vector v = LOAD(g + i * LANES), h = LOAD(zhat + i * LANES);
    vector up = h * SPREAD(upper) + SPREAD(intercept);
    vector low = h * LOAD(lower + i * LANES);
    STORE(z + i * LANES, SELECT(v > 0, low, up));
  }
}

WIDTHS void bound_bias(
    bound_shape shape, bound_window window, const double *a, const double *b, double *d) {
  vector sum = LOAD(d);
  FOR_WINDOW sum += LOAD(a + i * LANES) * b[i];
  STORE(d, sum);
}

WIDTHS void bound_concretise(
    bound_shape shape, bound_window window, const double *g, const double *centre,
    const double *radius, int shared, const double *d, double *value, double *vertex) {
  vector sum = LOAD(d);
  FOR_WINDOW {
    vector v = LOAD(g + i * LANES), c = SPREAD(centre), r = SPREAD(radius);
    vector corner = SELECT(v > 0, c - r, c + r);
    sum += v * corner;
    if (vertex) STORE(vertex + i * LANES, corner);
  }
  STORE(value, sum);
}

// MARK: Ascent

WIDTHS void bound_ascend(
    size_t count, const uint32_t *active, const double *g, const double *zhat,
    const double *intercept, int shared, double rate, double correction, double *lower,
    double *first, double *second) {
  for (size_t k = 0; k < count; k++) {
    size_t i = active[k];
    vector gradient = POSITIVE(LOAD(g + i * LANES)) * LOAD(zhat + i * LANES);
    vector m = LOAD(first + k * LANES) * 0.9 + gradient * 0.1;
    vector v = LOAD(second + k * LANES) * 0.999 + gradient * gradient * 0.001;
    STORE(first + k * LANES, m);
    STORE(second + k * LANES, v);
    vector root;
    for (int lane = 0; lane < LANES; lane++) root[lane] = __builtin_sqrt(v[lane] * correction);
    vector old = LOAD(lower + i * LANES);
    vector moved = old + rate * m / (root + 1e-8);
    moved = POSITIVE(moved);
    moved = SELECT(moved > 1, (vector){0} + 1, moved);
    moved = __builtin_convertvector(__builtin_convertvector(moved, narrow), vector);
    STORE(lower + i * LANES, SELECT(SPREAD(intercept) > 0, moved, old));
  }
}

WIDTHS void bound_save(
    size_t count, const uint32_t *active, const double *lower, const int64_t *improved,
    float *best) {
  for (size_t k = 0; k < count; k++)
    for (int lane = 0; lane < LANES; lane++)
      if (improved[lane]) best[k * LANES + lane] = (float)lower[(size_t)active[k] * LANES + lane];
}
