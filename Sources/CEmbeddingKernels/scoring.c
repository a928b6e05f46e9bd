#include "embedding_kernels.h"

#include <string.h>

#if defined(__x86_64__) && defined(__linux__)
#define WIDTHS __attribute__((target_clones("avx512f", "arch=haswell", "default")))
#else
#define WIDTHS
#endif

enum { LANES = 16, TILE = 6, WIDTH = EMBEDDING_WIDTH, HALF = 2 * LANES };
typedef float vector __attribute__((vector_size(4 * LANES), aligned(sizeof(float))));
typedef _Bool bits __attribute__((ext_vector_type(LANES)));

#define LOAD(pointer) (*(const vector *)(pointer))
#define STORE(pointer, value) (*(vector *)(pointer) = (value))

// One pixel: its channels read the same rows, so that each row is loaded once for BLOCK channels.
#define CHANNEL_BLOCK(BLOCK)                                                            \
  for (; c + BLOCK <= channels; c += BLOCK) {                                           \
    size_t at[BLOCK], reads[BLOCK];                                                     \
    for (int k = 0; k < BLOCK; k++) reads[k] = (at[k] = list[c + k]) * apart;           \
    for (int column = 0; column < WIDTH; column += HALF) {                              \
      vector first[BLOCK], second[BLOCK];                                               \
      for (int k = 0; k < BLOCK; k++) first[k] = second[k] = (vector){0};               \
      for (size_t e = 0; e < entries; e++) {                                            \
        const float *row = x + (size_t)places[e] * WIDTH + column;                      \
        const float *w = weights + offsets[e];                                          \
        vector a = LOAD(row), b = LOAD(row + LANES);                                    \
        for (int k = 0; k < BLOCK; k++) {                                               \
          first[k] += a * w[reads[k]];                                                  \
          second[k] += b * w[reads[k]];                                                 \
        }                                                                               \
      }                                                                                 \
      for (int k = 0; k < BLOCK; k++) {                                                 \
        float *out = sums + at[k] * step * WIDTH + column;                              \
        STORE(out, first[k]);                                                           \
        STORE(out + LANES, second[k]);                                                  \
      }                                                                                 \
    }                                                                                   \
    float total[BLOCK];                                                                 \
    for (int k = 0; k < BLOCK; k++) total[k] = 0;                                       \
    for (size_t e = 0; e < entries; e++) {                                              \
      const float *w = weights + offsets[e];                                            \
      for (int k = 0; k < BLOCK; k++) total[k] += w[reads[k]];                          \
    }                                                                                   \
    for (int k = 0; k < BLOCK; k++) totals[at[k] * step] = total[k];                    \
  }

// Sums at the channels that `list` names, whose weights lie `apart` from one another.
static inline __attribute__((always_inline)) void pixel_sums(
    size_t entries, const uint32_t *places, const uint32_t *offsets, const float *weights,
    size_t apart, int channels, const uint32_t *list, size_t step, const float *x, float *sums,
    float *totals) {
  int c = 0;
  CHANNEL_BLOCK(4)
  CHANNEL_BLOCK(2)
  CHANNEL_BLOCK(1)
}

// Lists the wanted ones of a pixel's channels, or of a dense layer's nodes; their number.
static inline __attribute__((always_inline)) int take_wanted(
    const uint8_t *wanted, int channels, size_t step, uint32_t *list) {
  int count = 0;
  for (int c = 0; c < channels; c++) {
    list[count] = (uint32_t)c;
    count += wanted[(size_t)c * step];
  }
  return count;
}

// Lists the active sources at one place of a window, channel by channel; the number of entries then.
static inline __attribute__((always_inline)) size_t take_sources(
    size_t entries, uint32_t place, uint32_t offset, int sources, size_t source_area, int channels,
    const uint8_t *active, uint32_t *places, uint32_t *offsets) {
  for (int s = 0; s < sources; s++) {
    // Written in any case and kept only where the source is active: no branch to mispredict.
    places[entries] = place;
    offsets[entries] = offset;
    entries += active[place];
    place += (uint32_t)source_area;
    offset += (uint32_t)channels;
  }
  return entries;
}

WIDTHS void embedding_windows(
    const embedding_convolution *shape, const float *weights, const uint8_t *active,
    const uint8_t *wanted, const float *x, uint32_t *scratch, float *sums, float *totals) {
  int sources = shape->in_channels, channels = shape->out_channels;
  size_t source_area = (size_t)shape->in_height * shape->in_width;
  size_t area = (size_t)shape->out_height * shape->out_width;
  uint32_t *places = scratch;
  uint32_t *offsets = places + (size_t)shape->kernel_height * shape->kernel_width * sources;
  uint32_t *list = offsets + (size_t)shape->kernel_height * shape->kernel_width * sources;
  for (int oy = 0; oy < shape->out_height; oy++) {
    for (int ox = 0; ox < shape->out_width; ox++) {
      size_t pixel = (size_t)oy * shape->out_width + ox, entries = 0;
      int count = take_wanted(wanted + pixel, channels, area, list);
      if (!count) continue;
      for (int ky = 0; ky < shape->kernel_height; ky++) {
        int iy = oy * shape->stride_height - shape->padding_height + ky;
        if (iy < 0 || iy >= shape->in_height) continue;
        for (int kx = 0; kx < shape->kernel_width; kx++) {
          int ix = ox * shape->stride_width - shape->padding_width + kx;
          if (ix < 0 || ix >= shape->in_width) continue;
          uint32_t place = (uint32_t)(iy * shape->in_width + ix);
          uint32_t offset =
              (uint32_t)((ky * shape->kernel_width + kx) * sources) * (uint32_t)channels;
          entries = take_sources(
              entries, place, offset, sources, source_area, channels, active, places, offsets);
        }
      }
      pixel_sums(
          entries, places, offsets, weights, 1, count, list, area, x, sums + pixel * WIDTH,
          totals + pixel);
    }
  }
}

WIDTHS void embedding_windows_transposed(
    const embedding_convolution *shape, const float *weights, const uint8_t *active,
    const uint8_t *wanted, const float *x, uint32_t *scratch, float *sums, float *totals) {
  int sources = shape->out_channels, channels = shape->in_channels;
  size_t source_area = (size_t)shape->out_height * shape->out_width;
  size_t area = (size_t)shape->in_height * shape->in_width;
  uint32_t *places = scratch;
  uint32_t *offsets = places + (size_t)shape->kernel_height * shape->kernel_width * sources;
  uint32_t *list = offsets + (size_t)shape->kernel_height * shape->kernel_width * sources;
  for (int iy = 0; iy < shape->in_height; iy++) {
    for (int ix = 0; ix < shape->in_width; ix++) {
      size_t pixel = (size_t)iy * shape->in_width + ix, entries = 0;
      int count = take_wanted(wanted + pixel, channels, area, list);
      if (!count) continue;
      for (int ky = 0; ky < shape->kernel_height; ky++) {
        int sy = iy + shape->padding_height - ky;
        if (sy < 0 || sy % shape->stride_height) continue;
        int oy = sy / shape->stride_height;
        if (oy >= shape->out_height) continue;
        for (int kx = 0; kx < shape->kernel_width; kx++) {
          int sx = ix + shape->padding_width - kx;
          if (sx < 0 || sx % shape->stride_width) continue;
          int ox = sx / shape->stride_width;
          if (ox >= shape->out_width) continue;
          uint32_t place = (uint32_t)(oy * shape->out_width + ox);
          uint32_t offset =
              (uint32_t)((ky * shape->kernel_width + kx) * sources) * (uint32_t)channels;
          entries = take_sources(
              entries, place, offset, sources, source_area, channels, active, places, offsets);
        }
      }
      pixel_sums(
          entries, places, offsets, weights, 1, count, list, area, x, sums + pixel * WIDTH,
          totals + pixel);
    }
  }
}

WIDTHS void embedding_dense(
    size_t inputs, size_t outputs, const float *weights, const uint8_t *active,
    const uint8_t *wanted, const float *x, uint32_t *scratch, float *sums, float *totals) {
  uint32_t *places = scratch, *offsets = places + inputs, *list = offsets + inputs;
  size_t entries = 0;
  for (size_t i = 0; i < inputs; i++) {
    places[entries] = (uint32_t)i;
    offsets[entries] = (uint32_t)i;
    entries += active[i];
  }
  int count = take_wanted(wanted, (int)outputs, 1, list);
  pixel_sums(entries, places, offsets, weights, inputs, count, list, 1, x, sums, totals);
}

WIDTHS void embedding_nodes(
    size_t count, const int32_t *from, const int32_t *to, size_t blocks, const float *scales,
    const float *x, const float *totals, const float *w, const float *bias, const float *add,
    int relu, float *y) {
  float packed[TILE][EMBEDDING_BLOCKS * (WIDTH + 1)];
  size_t inputs = blocks * (WIDTH + (totals != 0));
  for (size_t r = 0; r < count; r += TILE) {
    size_t height = count - r < TILE ? count - r : TILE;
    for (size_t t = 0; t < TILE; t++) {
      // A short last tile computes its last row several times over, which costs less than a branch.
      size_t node = r + (t < height ? t : height - 1);
      size_t source = from ? (size_t)from[node] : node;
      float *out = packed[t];
      for (size_t b = 0; b < blocks; b++) {
        float scale = scales ? scales[b * count + node] : 1;
        for (size_t i = 0; i < WIDTH; i++) *out++ = scale * x[source * WIDTH + i];
        if (totals) *out++ = scale * totals[source];
      }
    }
    for (size_t j = 0; j < WIDTH; j += LANES) {
      vector first = {0};
      if (bias) first = LOAD(bias + j);
      vector sums[TILE];
      for (size_t t = 0; t < TILE; t++) {
        sums[t] = first;
        if (add) sums[t] += LOAD(add + (r + (t < height ? t : height - 1)) * WIDTH + j);
      }
      vector a = sums[0], b = sums[1], c = sums[2], d = sums[3], e = sums[4], f = sums[5];
      const float *weights = w + j;
      for (size_t i = 0; i < inputs; i++, weights += WIDTH) {
        vector v = LOAD(weights);
        a += packed[0][i] * v; b += packed[1][i] * v; c += packed[2][i] * v;
        d += packed[3][i] * v; e += packed[4][i] * v; f += packed[5][i] * v;
      }
      sums[0] = a; sums[1] = b; sums[2] = c; sums[3] = d; sums[4] = e; sums[5] = f;
      for (size_t t = 0; t < height; t++) {
        size_t target = to ? (size_t)to[r + t] : r + t;
        float *out = y + target * WIDTH + j;
        memcpy(out, &sums[t], sizeof sums[t]);
        if (relu) for (size_t l = 0; l < LANES; l++) out[l] = out[l] > 0 ? out[l] : 0;
      }
    }
  }
}

// A bit for each number of a row that is not 0.
static inline __attribute__((always_inline)) uint64_t not_zero(const float *row) {
  uint64_t mask = 0;
  for (int part = 0; part < WIDTH / LANES; part++) {
    bits found = __builtin_convertvector(LOAD(row + part * LANES) != 0, bits);
    uint16_t word;
    memcpy(&word, &found, sizeof word);
    mask |= (uint64_t)word << (part * LANES);
  }
  return mask;
}

WIDTHS void embedding_rectified(
    size_t count, const int32_t *from, const int32_t *to, size_t blocks, const float *scales,
    const float *x, const float *w, const float *bias, const float *add, int relu, float *y) {
  for (size_t r = 0; r < count; r++) {
    const float *row = x + (from ? (size_t)from[r] : r) * WIDTH;
    const float *own = add ? add + r * WIDTH : 0;
    uint64_t mask = not_zero(row);
    // Four registers of a row: as many sums as an addition takes cycles.
    vector sum[4];
    for (int k = 0; k < 4; k++) {
      sum[k] = (vector){0};
      if (bias) sum[k] += LOAD(bias + k * LANES);
      if (own) sum[k] += LOAD(own + k * LANES);
    }
    for (size_t b = 0; b < blocks; b++) {
      float scale = scales ? scales[b * count + r] : 1;
      if (scale == 0) continue;
      const float *weights = w + b * (WIDTH + (scales != 0)) * WIDTH;
      vector p = {0}, q = {0}, s = {0}, t = {0};
      for (uint64_t left = mask; left; left &= left - 1) {
        int i = __builtin_ctzll(left);
        const float *line = weights + i * WIDTH;
        float value = row[i];
        p += value * LOAD(line); q += value * LOAD(line + LANES);
        s += value * LOAD(line + 2 * LANES); t += value * LOAD(line + 3 * LANES);
      }
      if (scales) {
        const float *line = weights + WIDTH * WIDTH;
        p += LOAD(line); q += LOAD(line + LANES);
        s += LOAD(line + 2 * LANES); t += LOAD(line + 3 * LANES);
      }
      sum[0] += scale * p; sum[1] += scale * q; sum[2] += scale * s; sum[3] += scale * t;
    }
    float *out = y + (to ? (size_t)to[r] : r) * WIDTH;
    for (int k = 0; k < 4; k++) memcpy(out + k * LANES, &sum[k], sizeof sum[k]);
    if (relu) for (size_t l = 0; l < WIDTH; l++) out[l] = out[l] > 0 ? out[l] : 0;
  }
}

// The windows of a whole pixel side by side are one short product, which is then added at its places.
WIDTHS void embedding_spread(
    const embedding_convolution *shape, const float *weights, const float *x, float *scratch,
    float *y) {
  size_t channels = (size_t)shape->out_channels, sources = (size_t)shape->in_channels;
  size_t width = embedding_spread_width(shape), line = (size_t)shape->kernel_width * sources;
  size_t area = (size_t)shape->out_height * shape->out_width;
  size_t source_area = (size_t)shape->in_height * shape->in_width;
  float *window = scratch, *sums = scratch + width;
  memset(sums, 0, source_area * sources * sizeof *sums);
  for (int oy = 0; oy < shape->out_height; oy++) {
    for (int ox = 0; ox < shape->out_width; ox++) {
      const float *own = x + (size_t)oy * shape->out_width + ox;
      for (size_t i = 0; i < width; i += 2 * LANES) {
        vector a = {0}, b = {0};
        for (size_t c = 0; c < channels; c++) {
          const float *w = weights + c * width + i;
          a += own[c * area] * LOAD(w); b += own[c * area] * LOAD(w + LANES);
        }
        STORE(window + i, a);
        STORE(window + i + LANES, b);
      }
      int left = ox * shape->stride_width - shape->padding_width;
      int first = left < 0 ? -left : 0;
      int end = shape->in_width - left < shape->kernel_width ? shape->in_width - left : shape->kernel_width;
      for (int ky = 0; ky < shape->kernel_height; ky++) {
        int iy = oy * shape->stride_height - shape->padding_height + ky;
        if (iy < 0 || iy >= shape->in_height || end <= first) continue;
        float *out = sums + ((size_t)iy * shape->in_width + (size_t)(left + first)) * sources;
        const float *part = window + (size_t)ky * line + (size_t)first * sources;
        size_t count = (size_t)(end - first) * sources;
        for (size_t k = 0; k < count; k++) out[k] += part[k];
      }
    }
  }
  for (size_t c = 0; c < sources; c++) {
    for (size_t p = 0; p < source_area; p++) y[c * source_area + p] = sums[p * sources + c];
  }
}

WIDTHS void embedding_spread_dense(
    size_t inputs, size_t outputs, const float *weights, const float *x, float *restrict y) {
  memset(y, 0, inputs * sizeof *y);
  for (size_t o = 0; o < outputs; o++) {
    if (x[o] == 0) continue;
    for (size_t i = 0; i < inputs; i++) y[i] += x[o] * weights[o * inputs + i];
  }
}
