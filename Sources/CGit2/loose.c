// Reads loose objects in place of libgit2, whose reader (1.5) never ends on some that are cut short, as
// a power cut leaves them.

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "CGit2.h"

#include <git2/sys/odb_backend.h>

typedef struct {
  git_odb_backend base;
  // The folder of the objects, with a slash at its end.
  char folder[];
} loose_backend;

// A file in memory; NULL where there is none, or none that can be read.
static unsigned char *contents(const loose_backend *backend, const git_oid *id, size_t *size) {
  char name[GIT_OID_HEXSZ + 1];
  git_oid_tostr(name, sizeof name, id);
  char path[4096];
  int length = snprintf(path, sizeof path, "%s%.2s/%s", backend->folder, name, name + 2);
  if (length < 0 || (size_t)length >= sizeof path) return NULL;
  int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return NULL;
  struct stat facts;
  unsigned char *bytes = NULL;
  if (fstat(file, &facts) == 0 && S_ISREG(facts.st_mode)) {
    size_t count = (size_t)facts.st_size, done = 0;
    bytes = malloc(count + 1);
    while (bytes && done < count) {
      ssize_t received = read(file, bytes + done, count - done);
      if (received <= 0) break;
      done += (size_t)received;
    }
    *size = done;
  }
  close(file);
  return bytes;
}

static void damaged(const git_oid *id) {
  char message[GIT_OID_HEXSZ + 64], name[GIT_OID_HEXSZ + 1];
  snprintf(message, sizeof message, "git's object %s is damaged",
           git_oid_tostr(name, sizeof name, id));
  git_error_set_str(GIT_ERROR_ODB, message);
}

// What stands before an object's content: its type, a space, its size, and a zero.
//
// Returns the length with the zero, or 0 where it is something else.
static size_t header(const char *text, size_t count, git_object_t *type, uint64_t *size) {
  static const struct { const char *name; git_object_t type; } types[] = {
    {"blob ", GIT_OBJECT_BLOB}, {"tree ", GIT_OBJECT_TREE},
    {"commit ", GIT_OBJECT_COMMIT}, {"tag ", GIT_OBJECT_TAG},
  };
  for (size_t index = 0; index < sizeof types / sizeof *types; index++) {
    size_t place = strlen(types[index].name);
    if (count <= place || memcmp(text, types[index].name, place) != 0) continue;
    *type = types[index].type;
    *size = 0;
    size_t first = place;
    while (place < count && text[place] >= '0' && text[place] <= '9' && place - first < 18) {
      *size = *size * 10 + (uint64_t)(text[place++] - '0');
    }
    return place > first && place < count && text[place] == 0 ? place + 1 : 0;
  }
  return 0;
}

// `data` may be NULL for those who want type and size only.
static int read_object(void **data, size_t *size, git_object_t *type, git_odb_backend *base,
                       const git_oid *id) {
  size_t count = 0;
  unsigned char *bytes = contents((loose_backend *)base, id, &count);
  if (!bytes) return GIT_ENOTFOUND;
  z_stream stream;
  memset(&stream, 0, sizeof stream);
  int result = GIT_ENOTFOUND;
  char *object = NULL;
  if (count > UINT32_MAX || inflateInit(&stream) != Z_OK) goto end;
  result = GIT_ERROR;
  char start[64];
  stream.next_in = bytes;
  stream.avail_in = (uInt)count;
  stream.next_out = (Bytef *)start;
  stream.avail_out = sizeof start;
  int status = inflate(&stream, Z_SYNC_FLUSH);
  size_t known = sizeof start - stream.avail_out;
  uint64_t length = 0;
  size_t skipped = header(start, known, type, &length);
  // Deflate makes nothing smaller than a thousandth.
  if (skipped == 0 || length > (uint64_t)count * 1100 + 64 || known - skipped > length) goto end;
  *size = (size_t)length;
  if (data) {
    object = git_odb_backend_data_alloc(base, (size_t)length + 1);
    if (!object) goto end;
    memcpy(object, start + skipped, known - skipped);
    // One more byte than there should be, which stays a zero.
    uint64_t rest = length - (known - skipped) + 1;
    if (rest > UINT32_MAX) {
      // More than zlib counts in one call: libgit2 reads it.
      result = GIT_ENOTFOUND;
      goto end;
    }
    stream.next_out = (Bytef *)object + (known - skipped);
    stream.avail_out = (uInt)rest;
    if (status != Z_STREAM_END) status = inflate(&stream, Z_FINISH);
    if (status != Z_STREAM_END || stream.avail_out != 1) goto end;
    object[length] = 0;
    *data = object;
    object = NULL;
  }
  result = 0;
end:
  if (result == GIT_ERROR) damaged(id);
  if (object) git_odb_backend_data_free(base, object);
  inflateEnd(&stream);
  free(bytes);
  return result;
}

static int read_header(size_t *size, git_object_t *type, git_odb_backend *base, const git_oid *id) {
  return read_object(NULL, size, type, base, id);
}

// libgit2's own backend, which has the same objects, lists them.
static int list_nothing(git_odb_backend *base, git_odb_foreach_cb callback, void *payload) {
  (void)base, (void)callback, (void)payload;
  return 0;
}

static void free_backend(git_odb_backend *base) { free(base); }

int git_read_loose_objects(git_repository *repository) {
  const char *folder = git_repository_commondir(repository);
  git_odb *database = NULL;
  if (!folder || git_repository_odb(&database, repository) != 0) return GIT_ERROR;
  size_t length = strlen(folder) + sizeof "objects/";
  loose_backend *backend = calloc(1, sizeof *backend + length);
  int result = GIT_ERROR;
  if (backend) {
    backend->base.version = GIT_ODB_BACKEND_VERSION;
    backend->base.read = read_object;
    backend->base.read_header = read_header;
    backend->base.foreach = list_nothing;
    backend->base.free = free_backend;
    snprintf(backend->folder, length, "%sobjects/", folder);
    // Before libgit2's own, which have 1 and 2.
    result = git_odb_add_backend(database, &backend->base, 3);
    if (result != 0) free(backend);
  }
  git_odb_free(database);
  return result;
}
