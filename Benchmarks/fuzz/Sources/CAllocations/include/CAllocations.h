#include <stddef.h>

// Counts what is allocated from now on; more than `limit` bytes at once end the process, which
// libFuzzer then reports with the input.
void allocations_begin(size_t limit);
void allocations_end(void);
