// Included once per element type: REAL, SUFFIX, and EXPONENTIAL, which computes exp(x) for x ≤ 0.

#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#define NAME(base) JOIN(base, SUFFIX)
#define VECTOR NAME(vector_)
#define LANES (64 / sizeof(REAL))

typedef REAL VECTOR __attribute__((vector_size(64), aligned(sizeof(REAL))));
#define LOAD(pointer) (*(const VECTOR *)(pointer))

static inline __attribute__((always_inline)) REAL NAME(sum_)(const VECTOR *v) {
  REAL s = 0;
  for (size_t lane = 0; lane < LANES; lane++) s += (*v)[lane];
  return s;
}

WIDTHS void NAME(dense_forward_)(
    size_t inputs, size_t outputs, size_t rows, const REAL *x, const REAL *weights,
    const REAL *bias, REAL *y) {
  size_t j = 0;
  for (; j + 4 <= outputs; j += 4) {
    for (size_t r = 0; r < rows; r += LANES) {
      VECTOR a = {0}, b = {0}, c = {0}, d = {0};
      if (bias) { a += bias[j]; b += bias[j + 1]; c += bias[j + 2]; d += bias[j + 3]; }
      const REAL *w = weights + j;
      for (size_t i = 0; i < inputs; i++, w += outputs) {
        VECTOR v = LOAD(x + i * rows + r);
        a += v * w[0]; b += v * w[1]; c += v * w[2]; d += v * w[3];
      }
      *(VECTOR *)(y + j * rows + r) = a;
      *(VECTOR *)(y + (j + 1) * rows + r) = b;
      *(VECTOR *)(y + (j + 2) * rows + r) = c;
      *(VECTOR *)(y + (j + 3) * rows + r) = d;
    }
  }
  for (; j < outputs; j++) {
    for (size_t r = 0; r < rows; r += LANES) {
      // Two sums, since one would wait for itself.
      VECTOR a = {0}, b = {0};
      if (bias) a += bias[j];
      size_t i = 0;
      for (; i + 2 <= inputs; i += 2) {
        a += LOAD(x + i * rows + r) * weights[i * outputs + j];
        b += LOAD(x + (i + 1) * rows + r) * weights[(i + 1) * outputs + j];
      }
      if (i < inputs) a += LOAD(x + i * rows + r) * weights[i * outputs + j];
      *(VECTOR *)(y + j * rows + r) = a + b;
    }
  }
}

WIDTHS void NAME(dense_weight_gradient_)(
    size_t inputs, size_t outputs, size_t rows, const REAL *x, const REAL *d, REAL *weights,
    REAL *bias) {
  for (size_t i = 0; i < inputs; i++) {
    const REAL *xi = x + i * rows;
    REAL *w = weights + i * outputs;
    size_t j = 0;
    for (; j + 4 <= outputs; j += 4) {
      const REAL *dj = d + j * rows;
      VECTOR a = {0}, b = {0}, c = {0}, e = {0};
      for (size_t r = 0; r < rows; r += LANES) {
        VECTOR v = LOAD(xi + r);
        a += v * LOAD(dj + r);
        b += v * LOAD(dj + rows + r);
        c += v * LOAD(dj + 2 * rows + r);
        e += v * LOAD(dj + 3 * rows + r);
      }
      w[j] += NAME(sum_)(&a);
      w[j + 1] += NAME(sum_)(&b);
      w[j + 2] += NAME(sum_)(&c);
      w[j + 3] += NAME(sum_)(&e);
    }
    for (; j < outputs; j++) {
      VECTOR a = {0};
      for (size_t r = 0; r < rows; r += LANES) a += LOAD(xi + r) * LOAD(d + j * rows + r);
      w[j] += NAME(sum_)(&a);
    }
  }
  if (!bias) return;
  for (size_t j = 0; j < outputs; j++) {
    VECTOR a = {0};
    for (size_t r = 0; r < rows; r += LANES) a += LOAD(d + j * rows + r);
    bias[j] += NAME(sum_)(&a);
  }
}

WIDTHS void NAME(dense_input_gradient_)(
    size_t inputs, size_t outputs, size_t rows, const REAL *weights, const REAL *d, REAL *dx) {
  size_t i = 0;
  for (; i + 4 <= inputs; i += 4) {
    const REAL *w = weights + i * outputs;
    for (size_t r = 0; r < rows; r += LANES) {
      VECTOR a = {0}, b = {0}, c = {0}, e = {0};
      for (size_t j = 0; j < outputs; j++) {
        VECTOR v = LOAD(d + j * rows + r);
        a += v * w[j]; b += v * w[outputs + j]; c += v * w[2 * outputs + j];
        e += v * w[3 * outputs + j];
      }
      *(VECTOR *)(dx + i * rows + r) = a;
      *(VECTOR *)(dx + (i + 1) * rows + r) = b;
      *(VECTOR *)(dx + (i + 2) * rows + r) = c;
      *(VECTOR *)(dx + (i + 3) * rows + r) = e;
    }
  }
  for (; i < inputs; i++) {
    for (size_t r = 0; r < rows; r += LANES) {
      VECTOR a = {0};
      for (size_t j = 0; j < outputs; j++) a += LOAD(d + j * rows + r) * weights[i * outputs + j];
      *(VECTOR *)(dx + i * rows + r) = a;
    }
  }
}

WIDTHS void NAME(dense_tanh_)(size_t count, REAL *values) {
  for (size_t i = 0; i < count; i++) {
    REAL x = values[i];
    REAL size = x < 0 ? -x : x;
    size = size > 20 ? 20 : size;
    // NaN stays NaN: both comparisons above are false.
    REAL e = EXPONENTIAL(-2 * size);
    REAL t = (1 - e) / (1 + e);
    values[i] = x < 0 ? -t : t;
  }
}

WIDTHS void NAME(dense_tanh_gradient_)(size_t count, const REAL *y, REAL *d) {
  for (size_t i = 0; i < count; i++) d[i] *= 1 - y[i] * y[i];
}

WIDTHS void NAME(dense_relu_)(size_t count, REAL *values) {
  for (size_t i = 0; i < count; i++) values[i] = values[i] < 0 ? 0 : values[i];
}

WIDTHS void NAME(dense_relu_gradient_)(size_t count, const REAL *y, REAL *d) {
  for (size_t i = 0; i < count; i++) d[i] = y[i] > 0 ? d[i] : 0;
}

#undef JOIN_
#undef JOIN
#undef NAME
#undef VECTOR
#undef LANES
#undef LOAD
#undef REAL
#undef SUFFIX
#undef EXPONENTIAL
