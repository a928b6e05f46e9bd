// Factors of matrices and scalar products, in float64.
//
// C, because clang compiles each function for several vector widths and the loader picks one
// (target_clones), which Swift cannot ask for.
#ifndef LINEAR_KERNELS_H
#define LINEAR_KERNELS_H

#include <stddef.h>

// Replaces the lower triangle of a symmetric matrix, row after row, by its Cholesky factor.
// Returns whether the matrix is positive definite to rounding; if not, what it leaves is of no use.
int linear_cholesky_f64(size_t size, double *matrix);

// The inverse of a symmetric matrix from its Cholesky factor L, and L's own into half; all of size² elements.
void linear_inverse_f64(size_t size, const double *factor, double *half, double *inverse);

// A symmetric matrix, all of it given, times a vector; the result is another run than the vector.
void linear_symmetric_times_f64(
    size_t size, const double *matrix, const double *vector, double *result);

// A matrix of rows × inner elements times one of inner × columns, each row after row. All columns are
// added up in the same order, so that equal ones have equal products.
void linear_matrix_times_f64(
    size_t rows, size_t inner, size_t columns, const double *left, const double *right,
    double *result);

// The scalar product of two runs, in 32 partial sums.
double linear_product_f64(size_t count, const double *left, const double *right);

#endif
