#include "CAllocations.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

// AddressSanitizer's own interface.
int __sanitizer_install_malloc_and_free_hooks(void (*allocated)(const volatile void *, size_t),
                                              void (*freed)(const volatile void *));
size_t __sanitizer_get_allocated_size(const volatile void *);

static _Atomic long live;
static _Atomic long limit;
static int installed;

static void on_malloc(const volatile void *start, size_t size) {
  (void)start;
  long most = limit;
  if (most == 0) return;
  long now = atomic_fetch_add(&live, (long)size) + (long)size;
  if (now > most) {
    limit = 0;
    fprintf(stderr, "memory: %ld bytes at once where %ld are allowed\n", now, most);
    abort();
  }
}

static void on_free(const volatile void *start) {
  if (limit != 0 && start != NULL)
    atomic_fetch_sub(&live, (long)__sanitizer_get_allocated_size(start));
}

void allocations_begin(size_t most) {
  if (!installed) {
    installed = 1;
    __sanitizer_install_malloc_and_free_hooks(on_malloc, on_free);
  }
  live = 0;
  limit = (long)most;
}

void allocations_end(void) { limit = 0; }
