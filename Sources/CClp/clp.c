#define _GNU_SOURCE
#include "CClp.h"

#include <dlfcn.h>
#include <pthread.h>
#include <string.h>

typedef void Model;
typedef void Solve;

static struct {
  Model *(*new_model)(void);
  void (*delete_model)(Model *);
  void (*load)(Model *, int, int, const int *, const int *, const double *, const double *,
               const double *, const double *, const double *, const double *);
  void (*log_level)(Model *, int);
  int (*dual)(Model *, int);
  int (*primal)(Model *, int);
  int (*status)(Model *);
  double *(*columns)(Model *);
  double *(*duals)(Model *);
  double (*value)(Model *);
  unsigned char *(*basis)(Model *);
  void (*set_basis)(Model *, const unsigned char *);
  Solve *(*new_solve)(void);
  void (*delete_solve)(Solve *);
  void (*solve_type)(Solve *, int, int);
  int (*solve)(Model *, Solve *);
  int is_ready;
} clp;

static void open_clp(void) {
  // Clp's own library has the C interface; libClp.so.1 is its name since 2010.
  void *library = dlopen("libClp.so.1", RTLD_NOW | RTLD_LOCAL);
  if (!library) return;
  struct {
    void *target;
    const char *name;
  } functions[] = {
      {&clp.new_model, "Clp_newModel"},
      {&clp.delete_model, "Clp_deleteModel"},
      {&clp.load, "Clp_loadProblem"},
      {&clp.log_level, "Clp_setLogLevel"},
      {&clp.dual, "Clp_dual"},
      {&clp.primal, "Clp_primal"},
      {&clp.status, "Clp_status"},
      {&clp.columns, "Clp_primalColumnSolution"},
      {&clp.duals, "Clp_dualRowSolution"},
      {&clp.value, "Clp_objectiveValue"},
      {&clp.basis, "Clp_statusArray"},
      {&clp.set_basis, "Clp_copyinStatus"},
      {&clp.new_solve, "ClpSolve_new"},
      {&clp.delete_solve, "ClpSolve_delete"},
      {&clp.solve_type, "ClpSolve_setSolveType"},
      {&clp.solve, "Clp_initialSolveWithOptions"},
  };
  for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
    void *address = dlsym(library, functions[i].name);
    if (!address) return;
    memcpy(functions[i].target, &address, sizeof address);
  }
  clp.is_ready = 1;
}

int clp_is_available(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, open_clp);
  return clp.is_ready;
}

int clp_solve(
    int columns, int rows, const int *starts, const int *indices, const double *values,
    const double *lower, const double *upper, const double *objective, const double *row_lower,
    const double *row_upper, int method, int warm, unsigned char *basis, double *x, double *duals,
    double *optimum) {
  if (!clp_is_available()) return -1;
  Model *model = clp.new_model();
  clp.log_level(model, 0);
  clp.load(
      model, columns, rows, starts, indices, values, lower, upper, objective, row_lower, row_upper);
  if (warm && basis) clp.set_basis(model, basis);
  if (method == CLP_BARRIER) {
    Solve *solve = clp.new_solve();
    clp.solve_type(solve, 3, -1);
    clp.solve(model, solve);
    clp.delete_solve(solve);
  } else if (method == CLP_PRIMAL) {
    clp.primal(model, 0);
  } else {
    clp.dual(model, 0);
  }
  int status = clp.status(model);
  memcpy(x, clp.columns(model), (size_t)columns * sizeof *x);
  memcpy(duals, clp.duals(model), (size_t)rows * sizeof *duals);
  *optimum = clp.value(model);
  if (basis && clp.basis(model)) memcpy(basis, clp.basis(model), (size_t)(columns + rows));
  clp.delete_model(model);
  return status;
}
