// The kernels for one vector width: included once for each, with
//   NAME(x)  the function's name for this width
//   LANES    floats of a vector
//   ROWS, VECTORS  the accumulators of a tile, as many as there are registers for
//
// No include guard, since it is included several times.

typedef float NAME(vector) __attribute__((vector_size(4 * LANES), aligned(4)));
typedef int32_t NAME(mask) __attribute__((vector_size(4 * LANES), aligned(4)));
#define VECTOR NAME(vector)
#define MASK NAME(mask)
#define AT(pointer) (*(VECTOR *)(pointer))
#define READ(pointer) (*(const VECTOR *)(pointer))

// A tile of `height` rows and `vectors` vectors of columns, which stays in registers.
static inline __attribute__((always_inline)) void NAME(tile)(
    const int height, const int vectors, size_t inner, const float *a, size_t a_row,
    size_t a_inner, const float *b, size_t ldb, const float *bias, float *c, size_t ldc,
    int flags) {
  VECTOR sums[ROWS][VECTORS];
#pragma clang loop unroll(full)
  for (int i = 0; i < height; i++)
#pragma clang loop unroll(full)
    for (int v = 0; v < vectors; v++) {
      VECTOR start = bias ? READ(bias + v * LANES) : (VECTOR){0};
      if (flags & SINGLE_ACCUMULATE) start += READ(c + i * ldc + v * LANES);
      sums[i][v] = start;
    }
  for (size_t k = 0; k < inner; k++) {
    VECTOR row[VECTORS];
#pragma clang loop unroll(full)
    for (int v = 0; v < vectors; v++) row[v] = READ(b + k * ldb + v * LANES);
#pragma clang loop unroll(full)
    for (int i = 0; i < height; i++) {
      float factor = a[i * a_row + k * a_inner];
#pragma clang loop unroll(full)
      for (int v = 0; v < vectors; v++) sums[i][v] += row[v] * factor;
    }
  }
#pragma clang loop unroll(full)
  for (int i = 0; i < height; i++)
#pragma clang loop unroll(full)
    for (int v = 0; v < vectors; v++) {
      VECTOR sum = sums[i][v];
      if (flags & SINGLE_RELU) sum = (VECTOR)((MASK)sum & ~(sum < 0));
      AT(c + i * ldc + v * LANES) = sum;
    }
}

static inline __attribute__((always_inline)) void NAME(panel)(
    const int vectors, size_t rows, size_t inner, const float *a, size_t a_row, size_t a_inner,
    const float *b, size_t ldb, const float *bias, float *c, size_t ldc, int flags) {
  size_t i = 0;
  for (; i + ROWS <= rows; i += ROWS)
    NAME(tile)(
        ROWS, vectors, inner, a + i * a_row, a_row, a_inner, b, ldb, bias, c + i * ldc, ldc,
        flags);
#define REST(height) \
  case height: \
    NAME(tile)( \
        height, vectors, inner, a + i * a_row, a_row, a_inner, b, ldb, bias, c + i * ldc, ldc, \
        flags); \
    break;
  switch (rows - i) {
    REST(1) REST(2) REST(3)
#if ROWS > 4
    REST(4) REST(5)
#endif
  }
#undef REST
}

static void NAME(matmul)(
    size_t rows, size_t inner, size_t columns, const float *a, size_t a_row, size_t a_inner,
    const float *b, size_t ldb, const float *bias, float *c, size_t ldc, int flags) {
  size_t j = 0;
  for (; j + VECTORS * LANES <= columns; j += VECTORS * LANES)
    NAME(panel)(
        VECTORS, rows, inner, a, a_row, a_inner, b + j, ldb, bias ? bias + j : NULL, c + j, ldc,
        flags);
#if VECTORS > 2
  if (j + 2 * LANES <= columns) {
    NAME(panel)(
        2, rows, inner, a, a_row, a_inner, b + j, ldb, bias ? bias + j : NULL, c + j, ldc, flags);
    j += 2 * LANES;
  }
  if (j + LANES <= columns)
    NAME(panel)(
        1, rows, inner, a, a_row, a_inner, b + j, ldb, bias ? bias + j : NULL, c + j, ldc, flags);
#endif
}

static void NAME(column_sums)(size_t rows, size_t columns, const float *x, float *sums) {
  for (size_t j = 0; j < columns; j += LANES) {
    VECTOR sum = READ(sums + j);
    for (size_t r = 0; r < rows; r++) sum += READ(x + r * columns + j);
    AT(sums + j) = sum;
  }
}

// Halves are added to each other: a chain of additions would wait for each of them.
static inline __attribute__((always_inline)) float NAME(total)(const VECTOR *v) {
  VECTOR x = *v;
#if LANES == 16
  x += __builtin_shufflevector(x, x, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7);
  x += __builtin_shufflevector(x, x, 4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11);
  x += __builtin_shufflevector(x, x, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13);
  x += __builtin_shufflevector(x, x, 1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14);
#elif LANES == 8
  x += __builtin_shufflevector(x, x, 4, 5, 6, 7, 0, 1, 2, 3);
  x += __builtin_shufflevector(x, x, 2, 3, 0, 1, 6, 7, 4, 5);
  x += __builtin_shufflevector(x, x, 1, 0, 3, 2, 5, 4, 7, 6);
#else
  x += __builtin_shufflevector(x, x, 2, 3, 0, 1);
  x += __builtin_shufflevector(x, x, 1, 0, 3, 2);
#endif
  return x[0];
}

static void NAME(dot_rows)(
    size_t rows, size_t columns, const float *x, const float *w, float bias, float *y) {
  for (size_t r = 0; r < rows; r++) {
    VECTOR sum = {0};
    for (size_t j = 0; j < columns; j += LANES) sum += READ(x + r * columns + j) * READ(w + j);
    y[r] = bias + NAME(total)(&sum);
  }
}

// A group of at most VECTORS columns' vectors, so that their sums stay in registers.
static inline __attribute__((always_inline)) void NAME(outer)(
    const int vectors, const int is_relu, size_t rows, size_t columns, const float *x,
    const float *w, const float *d, float *w_gradient, float *dx, float *bias_gradient) {
  VECTOR weights[VECTORS], sums[VECTORS], biases[VECTORS];
#pragma clang loop unroll(full)
  for (int v = 0; v < vectors; v++) {
    weights[v] = READ(w + v * LANES);
    sums[v] = READ(w_gradient + v * LANES);
    biases[v] = is_relu ? READ(bias_gradient + v * LANES) : (VECTOR){0};
  }
  for (size_t r = 0; r < rows; r++) {
    float factor = d[r];
#pragma clang loop unroll(full)
    for (int v = 0; v < vectors; v++) {
      VECTOR value = READ(x + r * columns + v * LANES);
      sums[v] += value * factor;
      if (dx) {
        VECTOR slope = weights[v] * factor;
        if (is_relu) {
          slope = (VECTOR)((MASK)slope & (value > 0));
          biases[v] += slope;
        }
        AT(dx + r * columns + v * LANES) = slope;
      }
    }
  }
#pragma clang loop unroll(full)
  for (int v = 0; v < vectors; v++) {
    AT(w_gradient + v * LANES) = sums[v];
    if (is_relu) AT(bias_gradient + v * LANES) = biases[v];
  }
}

static inline __attribute__((always_inline)) void NAME(outers)(
    const int is_relu, size_t rows, size_t columns, const float *x, const float *w,
    const float *d, float *w_gradient, float *dx, float *bias_gradient) {
  size_t j = 0;
  for (; j + VECTORS * LANES <= columns; j += VECTORS * LANES)
    NAME(outer)(
        VECTORS, is_relu, rows, columns, x + j, w + j, d, w_gradient + j, dx ? dx + j : NULL,
        is_relu ? bias_gradient + j : NULL);
  for (; j < columns; j += LANES)
    NAME(outer)(
        1, is_relu, rows, columns, x + j, w + j, d, w_gradient + j, dx ? dx + j : NULL,
        is_relu ? bias_gradient + j : NULL);
}

static void NAME(dot_rows_gradient)(
    size_t rows, size_t columns, const float *x, const float *w, const float *d,
    float *w_gradient, float *dx) {
  NAME(outers)(0, rows, columns, x, w, d, w_gradient, dx, NULL);
}

static void NAME(dot_rows_relu_gradient)(
    size_t rows, size_t columns, const float *x, const float *w, const float *d,
    float *w_gradient, float *dx, float *bias_gradient) {
  NAME(outers)(1, rows, columns, x, w, d, w_gradient, dx, bias_gradient);
}

static void NAME(tanh)(size_t count, float *values) {
  for (size_t i = 0; i < count; i++) {
    float x = values[i];
    float size = x < 0 ? -x : x;
    size = size > 10 ? 10 : size;
    float e = single_exponential(-2 * size);
    float t = (1 - e) / (1 + e);
    values[i] = x < 0 ? -t : t;
  }
}

static void NAME(tanh_gradient)(size_t count, const float *y, float *d) {
  for (size_t i = 0; i < count; i++) d[i] *= 1 - y[i] * y[i];
}

static void NAME(relu_gradient)(size_t count, const float *y, float *d) {
  for (size_t i = 0; i < count; i++) d[i] = y[i] > 0 ? d[i] : 0;
}

static void NAME(multiply)(size_t count, const float *x, const float *y, float *z) {
  for (size_t i = 0; i < count; i++) z[i] = x[i] * y[i];
}

static void NAME(transpose)(
    size_t rows, size_t columns, const float *w, size_t ldw, float *x, size_t ldx) {
  for (size_t j = 0; j < columns; j++)
    for (size_t i = 0; i < rows; i++) x[j * ldx + i] = w[i * ldw + j];
}

static double NAME(square_sum)(size_t count, const float *x) {
  double total = 0;
  for (size_t start = 0; start < count; start += 256) {
    size_t end = start + 256 < count ? start + 256 : count;
    VECTOR sum = {0};
    size_t i = start;
    for (; i + LANES <= end; i += LANES) sum += READ(x + i) * READ(x + i);
    float rest = NAME(total)(&sum);
    for (; i < end; i++) rest += x[i] * x[i];
    total += rest;
  }
  return total;
}

static double NAME(errors)(
    size_t count, const float *x, const float *y, float factor, float *d) {
  // Sixteen sums side by side, so that an addition doesn't wait for the last one.
  double sums[16] = {0}, total = 0;
  size_t i = 0;
  for (; i + 16 <= count; i += 16)
    for (int lane = 0; lane < 16; lane++) {
      float error = x[i + lane] - y[i + lane];
      d[i + lane] = factor * error;
      sums[lane] += (double)error * error;
    }
  for (; i < count; i++) {
    float error = x[i] - y[i];
    d[i] = factor * error;
    sums[i % 16] += (double)error * error;
  }
  for (int lane = 0; lane < 16; lane++) total += sums[lane];
  return total;
}

static void NAME(leapfrog)(
    size_t count, float kick, float drift, const float *restrict deviations,
    const float *restrict gradient, float *restrict momentum, float *restrict z,
    float *restrict theta) {
  for (size_t i = 0; i < count; i++) {
    float p = momentum[i] - kick * (deviations[i] * gradient[i] + z[i]);
    float x = z[i] + drift * p;
    momentum[i] = p;
    z[i] = x;
    theta[i] = deviations[i] * x;
  }
}

// Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3" (SC 2011): ten rounds
// of Philox4x32, for sixteen counters side by side.
static inline __attribute__((always_inline)) void NAME(philox)(
    words16 *x0, words16 *x1, words16 *x2, words16 *x3, uint32_t k0, uint32_t k1) {
  for (int round = 0; round < 10; round++) {
    longs16 first = __builtin_convertvector(*x0, longs16) * 0xD2511F53u;
    longs16 second = __builtin_convertvector(*x2, longs16) * 0xCD9E8D57u;
    *x0 = __builtin_convertvector(second >> 32, words16) ^ *x1 ^ k0;
    *x2 = __builtin_convertvector(first >> 32, words16) ^ *x3 ^ k1;
    *x1 = __builtin_convertvector(second, words16);
    *x3 = __builtin_convertvector(first, words16);
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
}

// Sixteen pairs of normal numbers of two words each (Box and Muller 1958): the radius √(−2 ln u), the
// angle 2πv.
static inline __attribute__((always_inline)) void NAME(box_muller)(
    const words16 *first, const words16 *second, float *x, float *y) {
  // Never 0: half a step above the word.
  floats16 u = (__builtin_convertvector(*first, floats16) + 0.5f) * 0x1p-32f;
  // u = 2^e m with m in [√½, √2), and log m = 2 artanh((m − 1)/(m + 1)).
  words16 shifted = (words16)u - 0x3F3504F3u;
  floats16 e = __builtin_convertvector((integers16)shifted >> 23, floats16);
  floats16 m = (floats16)((shifted & 0x007FFFFFu) + 0x3F3504F3u);
  floats16 s = (m - 1.0f) / (m + 1.0f), s2 = s * s;
  floats16 series = s2 * (1.0f / 9) + 1.0f / 7;
  series = series * s2 + 1.0f / 5;
  series = series * s2 + 1.0f / 3;
  floats16 square = -2.0f * (e * 0x1.62e430p-1f + 2.0f * s * (1.0f + s2 * series));
  // Rounding takes the largest words to u = 1 and above.
  square = (floats16)((integers16)square & (square > 0.0f));
  floats16 radius = __builtin_elementwise_sqrt(square);
  // A whole turn is 2^32: quarters, and a rest of at most an eighth.
  words16 quarter = (*second + 0x20000000u) >> 30;
  integers16 rest = (integers16)(*second - (quarter << 30));
  floats16 angle = __builtin_convertvector(rest, floats16) * 0x1.921fb6p-30f;
  floats16 a2 = angle * angle;
  floats16 sine = a2 * (1.0f / 362880) - 1.0f / 5040;
  sine = sine * a2 + 1.0f / 120;
  sine = sine * a2 - 1.0f / 6;
  sine = angle + angle * a2 * sine;
  floats16 cosine = a2 * (1.0f / 40320) - 1.0f / 720;
  cosine = cosine * a2 + 1.0f / 24;
  cosine = cosine * a2 - 0.5f;
  cosine = 1.0f + a2 * cosine;
  // Odd quarters swap the two; the upper bits give the signs.
  integers16 swaps = -(integers16)(quarter & 1u);
  words16 c = (words16)(((integers16)cosine & ~swaps) | ((integers16)sine & swaps));
  words16 d = (words16)(((integers16)sine & ~swaps) | ((integers16)cosine & swaps));
  c ^= ((quarter + 1u) & 2u) << 30;
  d ^= (quarter & 2u) << 30;
  *(floats16 *)x = radius * (floats16)c;
  *(floats16 *)y = radius * (floats16)d;
}

// Numbers 64 block … 64 block + 63.
static inline __attribute__((always_inline)) void NAME(normal_block)(
    uint64_t key, uint64_t counter, uint64_t block, float *restrict values) {
  words16 x0, x1, x2, x3;
  for (int lane = 0; lane < 16; lane++) x0[lane] = (uint32_t)(16 * block) + (uint32_t)lane;
  x1 = (words16){0} + (uint32_t)(block >> 28);
  x2 = (words16){0} + (uint32_t)counter;
  x3 = (words16){0} + (uint32_t)(counter >> 32);
  NAME(philox)(&x0, &x1, &x2, &x3, (uint32_t)key, (uint32_t)(key >> 32));
  NAME(box_muller)(&x0, &x1, values, values + 16);
  NAME(box_muller)(&x2, &x3, values + 32, values + 48);
}

static void NAME(normals)(size_t count, uint64_t key, uint64_t counter, float *values) {
  for (size_t i = 0; i < count; i += 64) NAME(normal_block)(key, counter, i / 64, values + i);
}

// Square roots of 64 numbers, without a call of the library for each.
static inline __attribute__((always_inline)) void NAME(roots)(const float *x, float *roots) {
  for (int i = 0; i < 64; i += 16)
    *(floats16 *)(roots + i) = __builtin_elementwise_sqrt(*(const floats16 *)(x + i));
}

static void NAME(sampler_step)(
    size_t count, const struct single_sampler_step *options, uint64_t key, uint64_t counter,
    const float *restrict deviations, const float *restrict gains,
    const float *restrict gradient, float *restrict squares, float *restrict velocity,
    float *restrict z) {
  struct single_sampler_step o = *options;
  for (size_t start = 0; start < count; start += 64) {
    float noise[64], gain[64], root[64], slope[64];
    if (o.amplitude > 0) {
      NAME(normal_block)(key, counter, start / 64, noise);
    } else {
      for (int i = 0; i < 64; i++) noise[i] = 0;
    }
    for (int i = 0; i < 64; i++) slope[i] = o.scale * deviations[start + i] * gradient[start + i];
    if (squares) {
      for (int i = 0; i < 64; i++) {
        float mean = o.square_scale * slope[i];
        float square =
            o.square_decay * squares[start + i] + (1 - o.square_decay) * mean * mean;
        squares[start + i] = square;
        gain[i] = square;
      }
      NAME(roots)(gain, gain);
      for (int i = 0; i < 64; i++) gain[i] = 1 / (o.offset + gain[i]);
    } else if (gains) {
      for (int i = 0; i < 64; i++) gain[i] = gains[start + i];
    } else {
      for (int i = 0; i < 64; i++) gain[i] = 1;
    }
    NAME(roots)(gain, root);
    for (int i = 0; i < 64; i++) {
      float v = o.decay * velocity[start + i] - o.step * gain[i] * (slope[i] + z[start + i])
                + o.amplitude * root[i] * noise[i];
      velocity[start + i] = v;
      z[start + i] += v;
    }
  }
}

#undef VECTOR
#undef MASK
#undef AT
#undef READ
