// HMC's leapfrogs on a 13-50-1 network of rectifiers in float32, written by hand for these sizes: blocks
// of rows whose hidden values stay in registers, gradients in a block of their own.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { D = 13, H = 50, HP = 64, B = 8, SIZE = D * HP + 2 * HP + 1 };

// theta and gradient: W1 [D × HP], b1 [HP], w2 [HP], b2, padded with zeros.
static float energy(
    int rows, const float *restrict x, const float *restrict y, const float *restrict t,
    float *restrict g, float precision) {
  const float *b1 = t + D * HP, *w2 = b1 + HP;
  float b2 = w2[HP], loss = 0;
  memset(g, 0, SIZE * sizeof(float));
  float h[B][HP], d[B];
  for (int n = 0; n < rows; n += B) {
    int live = rows - n < B ? rows - n : B;
    for (int r = 0; r < B; r++) for (int j = 0; j < HP; j++) h[r][j] = b1[j];
    for (int i = 0; i < D; i++)
      for (int r = 0; r < B; r++) {
        float v = x[(n + r) * D + i];
        for (int j = 0; j < HP; j++) h[r][j] += v * t[i * HP + j];
      }
    for (int r = 0; r < B; r++) {
      float f = b2;
      for (int j = 0; j < HP; j++) {
        h[r][j] = h[r][j] > 0 ? h[r][j] : 0;
        f += h[r][j] * w2[j];
      }
      float e = r < live ? f - y[n + r] : 0;
      loss += e * e;
      d[r] = precision * e;
    }
    for (int r = 0; r < B; r++) {
      g[SIZE - 1] += d[r];
      for (int j = 0; j < HP; j++) {
        g[D * HP + HP + j] += d[r] * h[r][j];
        h[r][j] = h[r][j] > 0 ? d[r] * w2[j] : 0;
        g[D * HP + j] += h[r][j];
      }
    }
    for (int i = 0; i < D; i++) {
      float s[HP];
      for (int j = 0; j < HP; j++) s[j] = g[i * HP + j];
      for (int r = 0; r < B; r++) {
        float v = x[(n + r) * D + i];
        for (int j = 0; j < HP; j++) s[j] += v * h[r][j];
      }
      for (int j = 0; j < HP; j++) g[i * HP + j] = s[j];
    }
  }
  float prior = 0;
  for (int i = 0; i < SIZE; i++) { prior += t[i] * t[i]; g[i] += t[i]; }
  return 0.5f * (precision * loss + prior);
}

// Usage: peer TRAIN.csv, rows of 13 standardised features and a target.
int main(int argc, char **argv) {
  FILE *file = argc > 1 ? fopen(argv[1], "r") : NULL;
  if (!file) { fprintf(stderr, "usage: peer TRAIN.csv\n"); return 64; }
  int capacity = 1024, rows = 0;
  float *x = calloc((capacity + B) * D, sizeof(float)), *y = calloc(capacity + B, sizeof(float));
  while (rows < capacity) {
    int i = 0;
    for (; i < D && fscanf(file, "%f,", &x[rows * D + i]) == 1; i++) {}
    if (i < D || fscanf(file, "%f", &y[rows]) != 1) break;
    rows++;
  }
  for (int i = 0; i < D; i++) x[rows * D + i] = 0;
  static float t[SIZE], g[SIZE], p[SIZE];
  srand(1);
  for (int i = 0; i < D * HP; i++)
    t[i] = i % HP < H ? 0.1f * ((float)rand() / (float)RAND_MAX - 0.5f) : 0;
  struct timespec a, b;
  int count = 40000;
  float sum = 0, step = 1e-4f;
  energy(rows, x, y, t, g, 1);
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
  for (int k = 0; k < count; k++) {
    for (int i = 0; i < SIZE; i++) { p[i] -= step / 2 * g[i]; t[i] += step * p[i]; }
    sum += energy(rows, x, y, t, g, 1);
    for (int i = 0; i < SIZE; i++) p[i] -= step / 2 * g[i];
  }
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
  double seconds = (b.tv_sec - a.tv_sec) + 1e-9 * (b.tv_nsec - a.tv_nsec);
  printf("leapfrogs %f\n", count / seconds);
  return sum == 12345;
}
