// The interface is all in its header; a C target needs a source file to exist.
#include "CTorchInterface.h"
