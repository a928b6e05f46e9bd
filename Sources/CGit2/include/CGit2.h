#pragma once
#include <git2.h>

// From here on objects are read as git itself reads them: zlib's checksum tells damage from content, and the
// name is not hashed anew, which takes longer than all else about a record of a megabyte. For `git fsck`, names count.
int git_trust_checksums(void);
