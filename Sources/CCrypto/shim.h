#pragma once
// The interface that OpenSSL would rather see used takes thousands of instructions to set up each
// digest, several times as many as it takes to hash an entry of the store.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>
