// Nothing imports this library: it is opened at run time, through CTorchInterface.

#ifndef CTORCH_H
#define CTORCH_H

#include "CTorchInterface.h"

#ifdef __cplusplus
extern "C"
#endif
  __attribute__((visibility("default"))) const CTorchFunctions *ctorch_open(int32_t version);

#endif
