#define NNHP_KERNELS kernels_avx512
#define NNHP_ISA_NAME "avx512"
#include "nnhp/kernels/kernels.inc"
