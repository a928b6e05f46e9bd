// The kernels of one_hidden_kernels.h for one vector width: included once for each, with
//   NAME(x)      the function's name for this width
//   LANES        floats of a vector
//   PANEL        groups of rows whose pre-activations of two units stay in registers
//   BACK_INPUTS  inputs whose gradients for four units stay in registers
//
// No include guard, since it is included several times.

typedef float NAME(vector) __attribute__((vector_size(4 * LANES), aligned(4)));
typedef int32_t NAME(mask) __attribute__((vector_size(4 * LANES), aligned(4)));
#define VECTOR NAME(vector)
#define MASK NAME(mask)
#define AT(pointer) (*(VECTOR *)(pointer))
#define READ(pointer) (*(const VECTOR *)(pointer))
// Vectors of a group, and where the vector v of groups that are `size` floats apart begins.
#define VECTORS (GROUP / LANES)
#define PLACE(v, size) ((size_t)((v) / VECTORS) * (size) + (v) % VECTORS * LANES)

// What becomes of the pre-activations a: the hidden values max(0, a), or only whether a > 0, as a bit of each
// row, or a itself, for a tanh to come.
enum { NAME(values), NAME(bits), NAME(linear) };

// A tile of two units and `groups` groups of rows, which stays in registers.
INLINE void NAME(forward_tile)(
    const int kind, const int groups, const struct one_hidden *n, const float *rows,
    const float *weights, const float *output_weights, float *hidden, uint16_t *bits, float *out) {
  const int vectors = groups * VECTORS;
  size_t size = (n->inputs + 1) * GROUP;
  VECTOR sums[2][PANEL * VECTORS];
#pragma clang loop unroll(full)
  for (int u = 0; u < 2; u++)
#pragma clang loop unroll(full)
    for (int v = 0; v < vectors; v++)
      sums[u][v] = (VECTOR){0} + weights[n->inputs * n->stride + u];
  for (size_t k = 0; k < n->inputs; k++) {
    float first = weights[k * n->stride], second = weights[k * n->stride + 1];
#pragma clang loop unroll(full)
    for (int v = 0; v < vectors; v++) {
      VECTOR x = READ(rows + k * GROUP + PLACE(v, size));
      sums[0][v] += x * first;
      sums[1][v] += x * second;
    }
  }
#pragma clang loop unroll(full)
  for (int v = 0; v < vectors; v++) {
    VECTOR sum = READ(out + v * LANES);
#pragma clang loop unroll(full)
    for (int u = 0; u < 2; u++) {
      VECTOR a = sums[u][v];
#if LANES == 16
      if (kind == NAME(bits)) {
        // The maximum with what isn't a number is the second argument.
        __m512 value = _mm512_max_ps(_mm512_setzero_ps(), (__m512)a);
        sum += (VECTOR)value * output_weights[u];
        bits[v * n->stride + u] = _mm512_cmpgt_epi32_mask((__m512i)value, _mm512_setzero_si512());
        continue;
      }
#endif
      if (kind == NAME(values)) {
        a = (VECTOR)((MASK)a & ~(a <= 0));
        sum += a * output_weights[u];
      }
      AT(hidden + u * GROUP + PLACE(v, n->stride * GROUP)) = a;
    }
    if (kind != NAME(linear)) AT(out + v * LANES) = sum;
  }
}

INLINE void NAME(forward_panels)(
    const int kind, const struct one_hidden *n, size_t groups, const float *rows,
    const float *parameters, float *hidden, float *out) {
  const float *output_weights = parameters + (n->inputs + 1) * n->stride;
  float bias = output_weights[n->stride];
  for (size_t i = 0; i < groups * GROUP; i++) out[i] = bias;
  // The way back takes four units at a time; what it leaves in those that pad is overwritten here.
  size_t units = kind == NAME(bits) ? n->units : (n->units + 3) / 4 * 4;
  // Panels of nearly the same height.
  size_t panels = (groups + PANEL - 1) / PANEL;
  for (size_t panel = 0, start = 0; panel < panels; panel++) {
    size_t end = groups * (panel + 1) / panels;
    for (size_t u = 0; u < units; u += 2)
      switch (end - start) {
#define HEIGHT(height) \
  case height: \
    NAME(forward_tile)( \
        kind, height, n, rows + start * (n->inputs + 1) * GROUP, parameters + u, \
        output_weights + u, hidden + (start * n->stride + u) * GROUP, \
        (uint16_t *)hidden + start * n->stride + u, out + start * GROUP); \
    break;
        HEIGHT(1)
#if PANEL > 1
        HEIGHT(2) HEIGHT(3)
#endif
#if PANEL > 3
        HEIGHT(4) HEIGHT(5) HEIGHT(6) HEIGHT(7) HEIGHT(8)
        HEIGHT(9) HEIGHT(10) HEIGHT(11) HEIGHT(12)
#endif
#undef HEIGHT
      }
    start = end;
  }
}

static void NAME(forward_tanh)(
    const struct one_hidden *n, size_t groups, const float *rows, const float *parameters,
    float *hidden, float *out) {
  NAME(forward_panels)(NAME(linear), n, groups, rows, parameters, hidden, out);
  const float *output_weights = parameters + (n->inputs + 1) * n->stride;
  for (size_t g = 0; g < groups; g++) {
    float *values = hidden + g * n->stride * GROUP;
    single_tanh(n->units * GROUP, values);
    for (size_t lane = 0; lane < GROUP; lane += LANES) {
      VECTOR sum = READ(out + g * GROUP + lane);
      for (size_t u = 0; u < n->units; u++)
        sum += READ(values + u * GROUP + lane) * output_weights[u];
      AT(out + g * GROUP + lane) = sum;
    }
  }
}

// The sums of neighbours: those of a in the lower half of each four lanes, those of b in the upper one.
INLINE VECTOR NAME(neighbours)(VECTOR a, VECTOR b) {
#if LANES == 16
  return __builtin_shufflevector(a, b, 0, 2, 16, 18, 4, 6, 20, 22, 8, 10, 24, 26, 12, 14, 28, 30)
         + __builtin_shufflevector(a, b, 1, 3, 17, 19, 5, 7, 21, 23, 9, 11, 25, 27, 13, 15, 29, 31);
#elif LANES == 8
  return __builtin_shufflevector(a, b, 0, 2, 8, 10, 4, 6, 12, 14)
         + __builtin_shufflevector(a, b, 1, 3, 9, 11, 5, 7, 13, 15);
#else
  return __builtin_shufflevector(a, b, 0, 2, 4, 6) + __builtin_shufflevector(a, b, 1, 3, 5, 7);
#endif
}

// The sums over the lanes of four vectors.
INLINE floats4 NAME(totals)(const VECTOR *sums) {
  VECTOR quarters = NAME(neighbours)(
      NAME(neighbours)(sums[0], sums[1]), NAME(neighbours)(sums[2], sums[3]));
  floats4 total = __builtin_shufflevector(quarters, quarters, 0, 1, 2, 3);
#if LANES > 4
  total += __builtin_shufflevector(quarters, quarters, 4, 5, 6, 7);
#endif
#if LANES > 8
  total += __builtin_shufflevector(quarters, quarters, 8, 9, 10, 11);
  total += __builtin_shufflevector(quarters, quarters, 12, 13, 14, 15);
#endif
  return total;
}

// Σ h d over the rows of four units, with d the loss's derivatives by the outputs; h becomes its derivatives
// by the units' pre-activations, but for the output weight.
INLINE floats4 NAME(backward_values)(
    const int is_relu, const struct one_hidden *n, size_t groups, float *hidden,
    const float *slopes) {
  VECTOR sums[4] = {{0}};
  for (size_t g = 0; g < groups; g++)
    for (size_t lane = 0; lane < GROUP; lane += LANES) {
      VECTOR slope = READ(slopes + g * GROUP + lane);
#pragma clang loop unroll(full)
      for (int u = 0; u < 4; u++) {
        float *place = hidden + (g * n->stride + u) * GROUP + lane;
        VECTOR value = READ(place);
        sums[u] += value * slope;
        AT(place) =
            is_relu ? (VECTOR)((MASK)slope & (value > 0)) : slope - slope * value * value;
      }
    }
  return NAME(totals)(sums);
}

// Σ x δ over the rows of four units and `inputs` inputs.
INLINE void NAME(backward_tile)(
    const int inputs, const struct one_hidden *n, size_t groups, const float *rows,
    const float *deltas, floats4 *result) {
  VECTOR sums[BACK_INPUTS][4];
#pragma clang loop unroll(full)
  for (int i = 0; i < inputs; i++)
#pragma clang loop unroll(full)
    for (int u = 0; u < 4; u++) sums[i][u] = (VECTOR){0};
  for (size_t g = 0; g < groups; g++)
    for (size_t lane = 0; lane < GROUP; lane += LANES) {
      VECTOR delta[4];
#pragma clang loop unroll(full)
      for (int u = 0; u < 4; u++) delta[u] = READ(deltas + (g * n->stride + u) * GROUP + lane);
#pragma clang loop unroll(full)
      for (int i = 0; i < inputs; i++) {
        VECTOR x = READ(rows + (g * (n->inputs + 1) + i) * GROUP + lane);
#pragma clang loop unroll(full)
        for (int u = 0; u < 4; u++) sums[i][u] += x * delta[u];
      }
    }
#pragma clang loop unroll(full)
  for (int i = 0; i < inputs; i++) result[i] = NAME(totals)(sums[i]);
}

INLINE void NAME(backward_units)(
    const int is_relu, const struct one_hidden *n, size_t groups, const float *rows,
    const float *parameters, float *hidden, const float *slopes, float *gradient) {
  size_t inputs = n->inputs + 1, tiles = (inputs + BACK_INPUTS - 1) / BACK_INPUTS;
  const float *output_weights = parameters + inputs * n->stride;
  float *output_gradient = gradient + inputs * n->stride;
  for (size_t u = 0; u < n->units; u += 4) {
    float *deltas = hidden + u * GROUP;
    floats4 weights = *(const floats4 *)(output_weights + u), totals[BACK_INPUTS];
    *(floats4 *)(output_gradient + u) += NAME(backward_values)(is_relu, n, groups, deltas, slopes);
    for (size_t tile = 0, i = 0; tile < tiles; tile++) {
      size_t next = inputs * (tile + 1) / tiles;
      switch (next - i) {
#define HEIGHT(height) \
  case height: NAME(backward_tile)(height, n, groups, rows + i * GROUP, deltas, totals); break;
        HEIGHT(1) HEIGHT(2)
#if BACK_INPUTS > 2
        HEIGHT(3) HEIGHT(4) HEIGHT(5) HEIGHT(6)
#endif
#undef HEIGHT
      }
      for (size_t k = 0; i < next; i++, k++)
        *(floats4 *)(gradient + i * n->stride + u) += totals[k] * weights;
    }
  }
}

static void NAME(forward)(
    const struct one_hidden *n, size_t groups, const float *rows, const float *parameters,
    float *hidden, float *out) {
  if (!n->is_relu)
    NAME(forward_tanh)(n, groups, rows, parameters, hidden, out);
  else
    NAME(forward_panels)(
        LANES == 16 ? NAME(bits) : NAME(values), n, groups, rows, parameters, hidden, out);
}

#if LANES == 16
static void wide_backward_relu(
    const struct one_hidden *n, size_t groups, const float *rows, const float *parameters,
    float *hidden, const float *slopes, float *gradient);
#endif

static void NAME(backward)(
    const struct one_hidden *n, size_t groups, const float *rows, const float *parameters,
    float *hidden, const float *slopes, float *gradient) {
  VECTOR slope_sum = {0};
  for (size_t r = 0; r < groups * GROUP; r += LANES) slope_sum += READ(slopes + r);
  for (int lane = 0; lane < LANES; lane++) gradient[(n->inputs + 2) * n->stride] += slope_sum[lane];
  if (!n->is_relu)
    NAME(backward_units)(0, n, groups, rows, parameters, hidden, slopes, gradient);
  else
#if LANES == 16
    wide_backward_relu(n, groups, rows, parameters, hidden, slopes, gradient);
#else
    NAME(backward_units)(1, n, groups, rows, parameters, hidden, slopes, gradient);
#endif
}

#undef VECTOR
#undef MASK
#undef AT
#undef READ
#undef VECTORS
#undef PLACE
