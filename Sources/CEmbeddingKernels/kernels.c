#include "embedding_kernels.h"

#include <string.h>

#if defined(__x86_64__) && defined(__linux__)
#define WIDTHS __attribute__((target_clones("avx512f", "arch=haswell", "default")))
#else
#define WIDTHS
#endif

enum { LANES = 16, TILE = 6 };
typedef float vector __attribute__((vector_size(4 * LANES), aligned(sizeof(float))));

// Macros, since a function can't return a vector that is wider than the default's registers.
#define LOAD(pointer) (*(const vector *)(pointer))
#define STORE(pointer, value) (*(vector *)(pointer) = (value))

WIDTHS void embedding_linear(
    size_t rows, size_t inputs, size_t outputs, const float *x, const float *w, const float *bias,
    int relu, float *y) {
  size_t whole = outputs / LANES * LANES;
  for (size_t r = 0; r < rows; r += TILE) {
    size_t height = rows - r < TILE ? rows - r : TILE;
    // A short last tile computes its last row several times over, which costs less than a branch.
    const float *at[TILE];
    for (size_t t = 0; t < TILE; t++) at[t] = x + (r + (t < height ? t : height - 1)) * inputs;
    for (size_t j = 0; j < whole; j += LANES) {
      vector first = {0};
      if (bias) first = LOAD(bias + j);
      vector a = first, b = first, c = first, d = first, e = first, f = first;
      const float *weights = w + j;
      for (size_t i = 0; i < inputs; i++, weights += outputs) {
        vector v = LOAD(weights);
        a += at[0][i] * v; b += at[1][i] * v; c += at[2][i] * v;
        d += at[3][i] * v; e += at[4][i] * v; f += at[5][i] * v;
      }
      vector sums[TILE] = {a, b, c, d, e, f};
      for (size_t t = 0; t < height; t++) {
        float *out = y + (r + t) * outputs + j;
        memcpy(out, &sums[t], sizeof sums[t]);
        if (relu) for (size_t l = 0; l < LANES; l++) out[l] = out[l] > 0 ? out[l] : 0;
      }
    }
    for (size_t j = whole; j < outputs; j++) {
      for (size_t t = 0; t < height; t++) {
        float sum = bias ? bias[j] : 0;
        for (size_t i = 0; i < inputs; i++) sum += at[t][i] * w[i * outputs + j];
        y[(r + t) * outputs + j] = relu && !(sum > 0) ? 0 : sum;
      }
    }
  }
}

WIDTHS void embedding_weight_gradient(
    size_t rows, size_t inputs, size_t outputs, const float *x, const float *d, float *w,
    float *bias) {
  size_t whole = outputs / LANES * LANES;
  for (size_t j = 0; j < whole; j += LANES) {
    size_t i = 0;
    for (; i + 4 <= inputs; i += 4) {
      vector a = {0}, b = {0}, c = {0}, e = {0};
      for (size_t r = 0; r < rows; r++) {
        vector v = LOAD(d + r * outputs + j);
        const float *row = x + r * inputs + i;
        a += row[0] * v; b += row[1] * v; c += row[2] * v; e += row[3] * v;
      }
      float *out = w + i * outputs + j;
      STORE(out, LOAD(out) + a);
      STORE(out + outputs, LOAD(out + outputs) + b);
      STORE(out + 2 * outputs, LOAD(out + 2 * outputs) + c);
      STORE(out + 3 * outputs, LOAD(out + 3 * outputs) + e);
    }
    for (; i < inputs; i++) {
      vector a = {0};
      for (size_t r = 0; r < rows; r++) a += x[r * inputs + i] * LOAD(d + r * outputs + j);
      STORE(w + i * outputs + j, LOAD(w + i * outputs + j) + a);
    }
    vector a = {0};
    for (size_t r = 0; r < rows; r++) a += LOAD(d + r * outputs + j);
    STORE(bias + j, LOAD(bias + j) + a);
  }
  for (size_t j = whole; j < outputs; j++) {
    for (size_t i = 0; i < inputs; i++) {
      float sum = 0;
      for (size_t r = 0; r < rows; r++) sum += x[r * inputs + i] * d[r * outputs + j];
      w[i * outputs + j] += sum;
    }
    for (size_t r = 0; r < rows; r++) bias[j] += d[r * outputs + j];
  }
}

WIDTHS void embedding_product(
    size_t rows, size_t columns, const int32_t *start, const int32_t *index, const float *weight,
    const float *x, float *y) {
  size_t whole = columns / (2 * LANES) * (2 * LANES);
  for (size_t r = 0; r < rows; r++) {
    for (size_t j = 0; j < whole; j += 2 * LANES) {
      vector a = {0}, b = {0};
      for (int32_t e = start[r]; e < start[r + 1]; e++) {
        const float *row = x + (size_t)index[e] * columns + j;
        a += weight[e] * LOAD(row);
        b += weight[e] * LOAD(row + LANES);
      }
      STORE(y + r * columns + j, a);
      STORE(y + r * columns + j + LANES, b);
    }
    for (size_t j = whole; j < columns; j++) {
      float sum = 0;
      for (int32_t e = start[r]; e < start[r + 1]; e++) {
        sum += weight[e] * x[(size_t)index[e] * columns + j];
      }
      y[r * columns + j] = sum;
    }
  }
}

size_t embedding_compress(
    size_t rows, const int32_t *kept, const int32_t *start, const int32_t *index,
    const float *weight, const int32_t *place, int32_t *newStart, int32_t *newIndex,
    float *newWeight) {
  size_t count = 0;
  for (size_t r = 0; r < rows; r++) {
    newStart[r] = (int32_t)count;
    for (int32_t e = start[kept[r]]; e < start[kept[r] + 1]; e++) {
      int32_t column = place[index[e]];
      // Written in any case and kept only where the column is: no branch to mispredict.
      newIndex[count] = column;
      newWeight[count] = weight[e];
      count += column >= 0;
    }
  }
  newStart[rows] = (int32_t)count;
  return count;
}
