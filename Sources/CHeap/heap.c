#define _GNU_SOURCE
#include "heap.h"

#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

void heap_expect(size_t bytes) {
  const uintptr_t large = 2 << 20;
  // Up to this size blocks come from the heap too, and what is freed stays with the process.
  mallopt(M_MMAP_THRESHOLD, (int)(bytes / 2));
  mallopt(M_TRIM_THRESHOLD, (int)(4 * bytes));
  mallopt(M_TOP_PAD, (int)bytes);
  uintptr_t start = ((uintptr_t)sbrk(0) + large - 1) & ~(large - 1);
  free(malloc(bytes / 4));
  uintptr_t end = (uintptr_t)sbrk(0) & ~(large - 1);
  // Only advice: where the machine has no large pages, nothing else changes.
  if (start < end) madvise((void *)start, end - start, MADV_HUGEPAGE);
}
