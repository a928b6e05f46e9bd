#pragma once
#include <stddef.h>

// Makes room for the many small things of a process that is about to need about so many bytes for
// them: in one step, and on large pages where the machine has them, since thousands of faults on
// small ones take a tenth of a short run. What is not used costs address space only.
void heap_expect(size_t bytes);
