#include "embedding_kernels.h"

#include <string.h>

#if defined(__x86_64__) && defined(__linux__)
#define WIDTHS __attribute__((target_clones("avx512f", "arch=haswell", "default")))
#else
#define WIDTHS
#endif

enum { LANES = 16, TILE = 6, WIDTH = EMBEDDING_WIDTH, HALF = 2 * LANES };
typedef float vector __attribute__((vector_size(4 * LANES), aligned(sizeof(float))));

#define LOAD(pointer) (*(const vector *)(pointer))
#define STORE(pointer, value) (*(vector *)(pointer) = (value))

// One pixel: all its channels read the same rows, so that each row is loaded once for BLOCK channels.
#define CHANNEL_BLOCK(BLOCK)                                                            \
  for (; c + BLOCK <= channels; c += BLOCK) {                                           \
    for (int column = 0; column < WIDTH; column += HALF) {                              \
      vector first[BLOCK], second[BLOCK];                                               \
      for (int k = 0; k < BLOCK; k++) first[k] = second[k] = (vector){0};               \
      for (size_t e = 0; e < entries; e++) {                                            \
        const float *row = x + (size_t)places[e] * WIDTH + column;                      \
        const float *w = weights + offsets[e] + c;                                      \
        vector a = LOAD(row), b = LOAD(row + LANES);                                    \
        for (int k = 0; k < BLOCK; k++) {                                               \
          first[k] += a * w[k];                                                         \
          second[k] += b * w[k];                                                        \
        }                                                                               \
      }                                                                                 \
      for (int k = 0; k < BLOCK; k++) {                                                 \
        float *out = sums + (size_t)(c + k) * step * WIDTH + column;                    \
        STORE(out, first[k]);                                                           \
        STORE(out + LANES, second[k]);                                                  \
      }                                                                                 \
    }                                                                                   \
    float total[BLOCK];                                                                 \
    for (int k = 0; k < BLOCK; k++) total[k] = 0;                                       \
    for (size_t e = 0; e < entries; e++) {                                              \
      const float *w = weights + offsets[e] + c;                                        \
      for (int k = 0; k < BLOCK; k++) total[k] += w[k];                                 \
    }                                                                                   \
    for (int k = 0; k < BLOCK; k++) totals[(size_t)(c + k) * step] = total[k];          \
  }

static inline __attribute__((always_inline)) void pixel_sums(
    size_t entries, const uint32_t *places, const uint32_t *offsets, const float *weights,
    int channels, size_t step, const float *x, float *sums, float *totals) {
  int c = 0;
  CHANNEL_BLOCK(4)
  CHANNEL_BLOCK(1)
}

static inline __attribute__((always_inline)) int is_wanted(
    const uint8_t *wanted, int channels, size_t step) {
  int any = 0;
  for (int c = 0; c < channels; c++) any |= wanted[(size_t)c * step];
  return any;
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
  uint32_t *offsets = scratch + (size_t)shape->kernel_height * shape->kernel_width * sources;
  for (int oy = 0; oy < shape->out_height; oy++) {
    for (int ox = 0; ox < shape->out_width; ox++) {
      size_t pixel = (size_t)oy * shape->out_width + ox, entries = 0;
      if (!is_wanted(wanted + pixel, channels, area)) continue;
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
          entries, places, offsets, weights, channels, area, x, sums + pixel * WIDTH,
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
  uint32_t *offsets = scratch + (size_t)shape->kernel_height * shape->kernel_width * sources;
  for (int iy = 0; iy < shape->in_height; iy++) {
    for (int ix = 0; ix < shape->in_width; ix++) {
      size_t pixel = (size_t)iy * shape->in_width + ix, entries = 0;
      if (!is_wanted(wanted + pixel, channels, area)) continue;
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
          entries, places, offsets, weights, channels, area, x, sums + pixel * WIDTH,
          totals + pixel);
    }
  }
}

WIDTHS void embedding_dense(
    size_t inputs, size_t outputs, const float *weights, const uint8_t *active, const float *x,
    uint32_t *scratch, float *sums, float *totals) {
  uint32_t *places = scratch, *offsets = scratch + inputs;
  size_t entries = 0;
  for (size_t i = 0; i < inputs; i++) {
    places[entries] = (uint32_t)i;
    offsets[entries] = (uint32_t)(i * outputs);
    entries += active[i];
  }
  pixel_sums(entries, places, offsets, weights, (int)outputs, 1, x, sums, totals);
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
