// The energy and gradient of a 13-50-1 network of rectifiers, written by hand for these sizes: rows in
// blocks of eight, hidden units side by side.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#ifndef REAL
#define REAL float
#endif
enum { N = 455, D = 13, H = 50, HP = 64, B = 8, P = D * H + 2 * H + 1 };

static REAL x[N + B][D], y[N + B];

// theta and gradient: W1 [D × HP], b1 [HP], w2 [HP], b2, padded with zeros.
enum { SIZE = D * HP + 2 * HP + 1 };

static REAL energy(const REAL *restrict t, REAL *restrict g, REAL precision) {
  const REAL *b1 = t + D * HP, *w2 = b1 + HP;
  REAL b2 = w2[HP], loss = 0;
  memset(g, 0, SIZE * sizeof(REAL));
  REAL h[B][HP], d[B];
  for (int n = 0; n < N; n += B) {
    int live = N - n < B ? N - n : B;
    for (int r = 0; r < B; r++) for (int j = 0; j < HP; j++) h[r][j] = b1[j];
    for (int i = 0; i < D; i++)
      for (int r = 0; r < B; r++) {
        REAL v = x[n + r][i];
        for (int j = 0; j < HP; j++) h[r][j] += v * t[i * HP + j];
      }
    for (int r = 0; r < B; r++) {
      REAL f = b2;
      for (int j = 0; j < HP; j++) {
        h[r][j] = h[r][j] > 0 ? h[r][j] : 0;
        f += h[r][j] * w2[j];
      }
      REAL e = r < live ? f - y[n + r] : 0;
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
      REAL s[HP];
      for (int j = 0; j < HP; j++) s[j] = g[i * HP + j];
      for (int r = 0; r < B; r++) {
        REAL v = x[n + r][i];
        for (int j = 0; j < HP; j++) s[j] += v * h[r][j];
      }
      for (int j = 0; j < HP; j++) g[i * HP + j] = s[j];
    }
  }
  REAL prior = 0;
  for (int i = 0; i < SIZE; i++) { prior += t[i] * t[i]; g[i] += t[i]; }
  return (REAL)0.5 * (precision * loss + prior);
}

int main(void) {
  static REAL t[SIZE], g[SIZE], p[SIZE];
  srand(1);
  for (int n = 0; n < N; n++) {
    for (int i = 0; i < D; i++) x[n][i] = (REAL)rand() / RAND_MAX * 2 - 1;
    y[n] = x[n][0];
  }
  for (int i = 0; i < D * HP; i++) t[i] = i % HP < H ? (REAL)0.1 * ((REAL)rand() / RAND_MAX - (REAL)0.5) : 0;
  struct timespec a, b;
  int count = 20000;
  REAL sum = 0, step = (REAL)1e-4;
  energy(t, g, 1);
  clock_gettime(CLOCK_MONOTONIC, &a);
  for (int k = 0; k < count; k++) {
    for (int i = 0; i < SIZE; i++) { p[i] -= step / 2 * g[i]; t[i] += step * p[i]; }
    sum += energy(t, g, 1);
    for (int i = 0; i < SIZE; i++) p[i] -= step / 2 * g[i];
  }
  clock_gettime(CLOCK_MONOTONIC, &b);
  double seconds = (b.tv_sec - a.tv_sec) + 1e-9 * (b.tv_nsec - a.tv_nsec);
  printf("leapfrogs %f\n", count / seconds);
  return sum == 12345;
}
