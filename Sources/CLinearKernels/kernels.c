#include "linear_kernels.h"

#include <math.h>

#if defined(__x86_64__) && defined(__linux__)
#define WIDTHS __attribute__((target_clones("avx512f", "arch=haswell", "default")))
#else
#define WIDTHS
#endif

enum { LANES = 8, ROWS = 4 };
typedef double vector __attribute__((vector_size(8 * LANES), aligned(sizeof(double))));

// Macros, since a function can't return a vector that is wider than the default's registers.
#define LOAD(pointer) (*(const vector *)(pointer))
#define STORE(pointer, v) (*(vector *)(pointer) = (v))
#define SUM(v) ((((v)[0] + (v)[4]) + ((v)[1] + (v)[5])) + (((v)[2] + (v)[6]) + ((v)[3] + (v)[7])))

// Four rows at a time, two columns of them at a time: each number that is loaded serves two or four
// products, which a product of two rows alone does not.
WIDTHS int linear_cholesky_f64(size_t size, double *matrix) {
  for (size_t first = 0; first < size; first += ROWS) {
    size_t rows = size - first < ROWS ? size - first : ROWS;
    double *a = matrix + first * size;
    // A short last group repeats its last row and drops the results.
    double *row[ROWS];
    for (size_t r = 0; r < ROWS; r++) row[r] = a + (r < rows ? r : rows - 1) * size;
    for (size_t column = 0; column < first; column += 2) {
      const double *p = matrix + column * size, *q = p + size;
      vector p0 = {0}, p1 = {0}, p2 = {0}, p3 = {0}, q0 = {0}, q1 = {0}, q2 = {0}, q3 = {0};
      size_t k = 0;
      for (; k + LANES <= column; k += LANES) {
        vector u = LOAD(p + k), v = LOAD(q + k);
        vector x0 = LOAD(row[0] + k), x1 = LOAD(row[1] + k);
        vector x2 = LOAD(row[2] + k), x3 = LOAD(row[3] + k);
        p0 += u * x0, p1 += u * x1, p2 += u * x2, p3 += u * x3;
        q0 += v * x0, q1 += v * x1, q2 += v * x2, q3 += v * x3;
      }
      double left[ROWS] = {SUM(p0), SUM(p1), SUM(p2), SUM(p3)};
      double right[ROWS] = {SUM(q0), SUM(q1), SUM(q2), SUM(q3)};
      for (; k < column; k++) {
        for (size_t r = 0; r < ROWS; r++) {
          left[r] += p[k] * row[r][k];
          right[r] += q[k] * row[r][k];
        }
      }
      for (size_t r = 0; r < rows; r++) {
        double x = (row[r][column] - left[r]) / p[column];
        row[r][column] = x;
        row[r][column + 1] = (row[r][column + 1] - right[r] - x * q[column]) / q[column + 1];
      }
    }
    for (size_t r = 0; r < rows; r++) {
      for (size_t c = 0; c <= r; c++) {
        vector s = {0};
        size_t k = 0, count = first + c;
        for (; k + LANES <= count; k += LANES) s += LOAD(row[r] + k) * LOAD(row[c] + k);
        double rest = row[r][count] - SUM(s);
        for (; k < count; k++) rest -= row[r][k] * row[c][k];
        if (c < r) {
          row[r][count] = rest / row[c][count];
        } else if (rest > 0 && rest < INFINITY) {
          row[r][count] = sqrt(rest);
        } else {
          return 0;
        }
      }
    }
  }
  return 1;
}

// Four sums at a time, since each addition waits for the one before it in its sum.
WIDTHS double linear_product_f64(size_t count, const double *left, const double *right) {
  vector a = {0}, b = {0}, c = {0}, d = {0};
  size_t k = 0;
  for (; k + 4 * LANES <= count; k += 4 * LANES) {
    a += LOAD(left + k) * LOAD(right + k);
    b += LOAD(left + k + LANES) * LOAD(right + k + LANES);
    c += LOAD(left + k + 2 * LANES) * LOAD(right + k + 2 * LANES);
    d += LOAD(left + k + 3 * LANES) * LOAD(right + k + 3 * LANES);
  }
  for (; k + LANES <= count; k += LANES) a += LOAD(left + k) * LOAD(right + k);
  vector sums = (a + b) + (c + d);
  double rest = 0;
  for (; k < count; k++) rest += left[k] * right[k];
  return SUM(sums) + rest;
}

// Rows are added to rows, which needs no sums across a vector; products of the short columns do.
WIDTHS void linear_inverse_f64(size_t size, const double *factor, double *half, double *inverse) {
  for (size_t row = 0; row < size; row++) {
    double *x = half + row * size;
    for (size_t k = 0; k < size; k++) x[k] = 0;
    for (size_t other = 0; other < row; other++) {
      const double *y = half + other * size;
      double f = factor[row * size + other];
      for (size_t k = 0; k <= other; k++) x[k] -= f * y[k];
    }
    double scale = 1 / factor[row * size + row];
    for (size_t k = 0; k < row; k++) x[k] *= scale;
    x[row] = scale;
  }
  for (size_t k = 0; k < size * size; k++) inverse[k] = 0;
  for (size_t other = 0; other < size; other++) {
    const double *y = half + other * size;
    for (size_t row = 0; row <= other; row++) {
      double *x = inverse + row * size, f = y[row];
      for (size_t k = 0; k <= row; k++) x[k] += f * y[k];
    }
  }
  for (size_t row = 0; row < size; row++) {
    for (size_t k = 0; k < row; k++) inverse[k * size + row] = inverse[row * size + k];
  }
}

// Four rows at a time are added up: a product a row would spend more on sums across vectors.
WIDTHS void linear_symmetric_times_f64(
    size_t size, const double *matrix, const double *vector, double *result) {
  for (size_t k = 0; k < size; k++) result[k] = 0;
  size_t row = 0;
  for (; row + ROWS <= size; row += ROWS) {
    const double *a = matrix + row * size, *b = a + size, *c = b + size, *d = c + size;
    double p = vector[row], q = vector[row + 1], r = vector[row + 2], s = vector[row + 3];
    for (size_t k = 0; k < size; k++) result[k] += (p * a[k] + q * b[k]) + (r * c[k] + s * d[k]);
  }
  for (; row < size; row++) {
    const double *a = matrix + row * size;
    double p = vector[row];
    for (size_t k = 0; k < size; k++) result[k] += p * a[k];
  }
}

// Four rows times two vectors of columns: each number that is loaded serves two or four products.
WIDTHS void linear_matrix_times_f64(
    size_t rows, size_t inner, size_t columns, const double *left, const double *right,
    double *result) {
  for (size_t first = 0; first < rows; first += ROWS) {
    size_t count = rows - first < ROWS ? rows - first : ROWS;
    // A short last group repeats its last row and stores it more than once.
    const double *a[ROWS];
    double *to[ROWS];
    for (size_t r = 0; r < ROWS; r++) {
      size_t row = first + (r < count ? r : count - 1);
      a[r] = left + row * inner;
      to[r] = result + row * columns;
    }
    size_t column = 0;
    for (; column + 2 * LANES <= columns; column += 2 * LANES) {
      vector p0 = {0}, p1 = {0}, p2 = {0}, p3 = {0}, q0 = {0}, q1 = {0}, q2 = {0}, q3 = {0};
      for (size_t k = 0; k < inner; k++) {
        const double *b = right + k * columns + column;
        vector u = LOAD(b), v = LOAD(b + LANES);
        p0 += a[0][k] * u, p1 += a[1][k] * u, p2 += a[2][k] * u, p3 += a[3][k] * u;
        q0 += a[0][k] * v, q1 += a[1][k] * v, q2 += a[2][k] * v, q3 += a[3][k] * v;
      }
      STORE(to[0] + column, p0), STORE(to[0] + column + LANES, q0);
      STORE(to[1] + column, p1), STORE(to[1] + column + LANES, q1);
      STORE(to[2] + column, p2), STORE(to[2] + column + LANES, q2);
      STORE(to[3] + column, p3), STORE(to[3] + column + LANES, q3);
    }
    for (; column < columns; column += LANES) {
      size_t width = columns - column < LANES ? columns - column : LANES;
      vector p0 = {0}, p1 = {0}, p2 = {0}, p3 = {0};
      for (size_t k = 0; k < inner; k++) {
        const double *b = right + k * columns + column;
        vector u = {0};
        for (size_t lane = 0; lane < width; lane++) u[lane] = b[lane];
        p0 += a[0][k] * u, p1 += a[1][k] * u, p2 += a[2][k] * u, p3 += a[3][k] * u;
      }
      for (size_t lane = 0; lane < width; lane++) {
        to[0][column + lane] = p0[lane], to[1][column + lane] = p1[lane];
        to[2][column + lane] = p2[lane], to[3][column + lane] = p3[lane];
      }
    }
  }
}
