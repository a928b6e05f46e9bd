#pragma once

// A linear program through Clp's C interface (Debian's coinor-libclp1), which is opened at the first
// call: few parts of a search need it, and its libraries would slow every start.
//
// The functions of Clp that are used are declared in clp.c, so that no headers are needed.

// Whether Clp can be opened.
int clp_is_available(void);

// Minimises objective · x with rows of row_lower <= A x <= row_upper and columns between bounds.
//
// The matrix lies by columns: column c has the entries starts[c] ..< starts[c + 1] of `rows` and
// `values`. Duals have the sign of d objective / d right-hand side: at least 0 where a row's lower
// side holds it, at most 0 where its upper side does.
//
// Returns 0 where optimal, 1 where infeasible, 2 where unbounded, others where it stopped; -1 where
// Clp can't be opened. `basis` has columns + rows bytes: taken as the first basis where `warm` is
// not 0, and filled with the last; it may be null.
int clp_solve(
    int columns, int rows, const int *starts, const int *indices, const double *values,
    const double *lower, const double *upper, const double *objective, const double *row_lower,
    const double *row_upper, int method, int warm, unsigned char *basis, double *x, double *duals,
    double *optimum);

enum { CLP_DUAL = 0, CLP_PRIMAL = 1, CLP_BARRIER = 2 };
