#include "CCurl.h"

#include <stdarg.h>

#include "late.h"

// Its number since version 7.16 of 2006.
#define LATE_LIBRARY "libcurl.so.4"

// Macros that check the types of these two's last argument.
#undef curl_easy_setopt
#undef curl_easy_getinfo

// A long, a pointer or a curl_off_t: all are one word, passed in the same way.
CURLcode curl_easy_setopt(CURL *handle, CURLoption option, ...) {
  LATE_POINTER(curl_easy_setopt)
  va_list rest;
  va_start(rest, option);
  void *value = va_arg(rest, void *);
  va_end(rest);
  return function(handle, option, value);
}

// A pointer.
CURLcode curl_easy_getinfo(CURL *handle, CURLINFO info, ...) {
  LATE_POINTER(curl_easy_getinfo)
  va_list rest;
  va_start(rest, info);
  void *value = va_arg(rest, void *);
  va_end(rest);
  return function(handle, info, value);
}

LATE(void, curl_easy_cleanup, (CURL *curl), (curl))
LATE(CURL *, curl_easy_init, (void), ())
LATE(CURLcode, curl_easy_perform, (CURL *curl), (curl))
LATE(const char *, curl_easy_strerror, (CURLcode a), (a))
LATE(CURLcode, curl_global_init, (long flags), (flags))
LATE(struct curl_slist *, curl_slist_append, (struct curl_slist *list, const char *data), (list,
     data))
LATE(void, curl_slist_free_all, (struct curl_slist *list), (list))
