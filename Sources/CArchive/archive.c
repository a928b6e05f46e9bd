#include "CArchive.h"

#include "late.h"

// Its number since version 3.0 of 2011.
#define LATE_LIBRARY "libarchive.so.13"

LATE(mode_t, archive_entry_filetype, (struct archive_entry *a), (a))
LATE(const char *, archive_entry_hardlink, (struct archive_entry *a), (a))
LATE(const char *, archive_entry_pathname, (struct archive_entry *a), (a))
LATE(const char *, archive_entry_pathname_utf8, (struct archive_entry *a), (a))
LATE(la_int64_t, archive_entry_size, (struct archive_entry *a), (a))
LATE(int, archive_entry_size_is_set, (struct archive_entry *a), (a))
LATE(const char *, archive_error_string, (struct archive *a), (a))
LATE(int, archive_filter_count, (struct archive *a), (a))
LATE(int, archive_format, (struct archive *a), (a))
LATE(la_ssize_t, archive_read_data, (struct archive *a, void *b, size_t c), (a, b, c))
LATE(int, archive_read_free, (struct archive *a), (a))
LATE(struct archive *, archive_read_new, (void), ())
LATE(int, archive_read_next_header, (struct archive *a, struct archive_entry **b), (a, b))
LATE(int, archive_read_open_filename, (struct archive *a, const char *_filename, size_t
     _block_size), (a, _filename, _block_size))
LATE(int, archive_read_support_filter_bzip2, (struct archive *a), (a))
LATE(int, archive_read_support_filter_gzip, (struct archive *a), (a))
LATE(int, archive_read_support_filter_xz, (struct archive *a), (a))
LATE(int, archive_read_support_filter_zstd, (struct archive *a), (a))
LATE(int, archive_read_support_format_raw, (struct archive *a), (a))
LATE(int, archive_read_support_format_tar, (struct archive *a), (a))
LATE(int, archive_read_support_format_zip, (struct archive *a), (a))
