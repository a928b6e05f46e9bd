#pragma once
#include <git2.h>

// Prepares libgit2 for many small objects.
//
// From here on objects are read as git itself reads them: zlib's checksum tells damage from content,
// and the name is not hashed anew, which takes longer than all else about a record of a megabyte. For
// `git fsck`, names count. And memory of the size that zlib takes for each object stays with the
// process: to give it back and get it again page by page takes longer than most objects.
int git_prepare(void);

// Has a repository's loose objects read by us from here on: what is cut short is an error that names
// the object, where libgit2 may never come back. Returns 0, or libgit2's code.
int git_read_loose_objects(git_repository *repository);
