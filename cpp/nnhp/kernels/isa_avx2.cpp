#define NNHP_KERNELS kernels_avx2
#define NNHP_ISA_NAME "avx2"
#include "nnhp/kernels/kernels.inc"
