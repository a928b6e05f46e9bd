#pragma once
#include <stdatomic.h>

// Functions of a library that is opened when the first of them is called. Linked as usual, libgit2,
// libcurl and libarchive bring forty more libraries, which cost half of the start of every process,
// while a run with nothing to do calls none of them.
//
// A file defines LATE_LIBRARY, the library's name for the loader, and has a line for each function
// that the project calls: LATE(result, name, (parameters), (arguments)). The library's own header
// is included, so the compiler refuses a line that does not fit; a line that lacks is found by the
// linker.

// The address of a function. Where the library or the function can't be had, the process ends as
// it would have at its start if the library were linked: with 127 and the loader's words.
void *late_function(const char *library, const char *name);

// Threads may come here at once: each finds the same address.
#define LATE_POINTER(name)                                              \
  static _Atomic(void *) known;                                         \
  void *address = atomic_load_explicit(&known, memory_order_acquire);   \
  if (!address) {                                                       \
    address = late_function(LATE_LIBRARY, #name);                       \
    atomic_store_explicit(&known, address, memory_order_release);       \
  }                                                                     \
  __typeof__(name) *function = (__typeof__(name) *)address;

#define LATE(result, name, parameters, arguments) \
  result name parameters {                        \
    LATE_POINTER(name)                            \
    return function arguments;                    \
  }
