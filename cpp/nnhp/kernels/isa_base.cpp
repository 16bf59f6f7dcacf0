#define NNHP_KERNELS kernels_base
#define NNHP_ISA_NAME "base"
#include "nnhp/kernels/kernels.inc"
