# nnhp_flags: the language level, visibility and warnings of everything but the kernels' own flags
# (Kernels.cmake). -ffast-math and -march=native have no place in this project: the first changes the
# floating-point mode of the whole process, the second makes a wheel that runs on one machine.

add_library(nnhp_flags INTERFACE)
target_compile_features(nnhp_flags INTERFACE cxx_std_20)

set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)


# The vector types, shuffles and unrolling of the kernels were tried with these.
set(oldest_GNU 11)
set(oldest_Clang 14)
if(NOT DEFINED oldest_${CMAKE_CXX_COMPILER_ID}
   OR CMAKE_CXX_COMPILER_VERSION VERSION_LESS oldest_${CMAKE_CXX_COMPILER_ID})
  message(FATAL_ERROR "nnhp needs GCC ${oldest_GNU} or newer, or Clang ${oldest_Clang} or newer with "
                      "libomp; this is ${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION} "
                      "(${CMAKE_CXX_COMPILER}). Name another one in the environment variable CXX.")
endif()

# Contraction is off because a sum must have the same bits in every tile shape, and what is computed
# around the kernels the same on every CPU: fused operations are written where they are meant.
target_compile_options(nnhp_flags INTERFACE -ffp-contract=off)

target_compile_options(
  nnhp_flags
  INTERFACE -Wall
            -Wextra
            -Wpedantic
            -Wshadow
            -Wconversion
            -Wdouble-promotion # float kernels must stay float
            -Wnon-virtual-dtor
            -Woverloaded-virtual
            $<$<BOOL:${NNHP_WERROR}>:-Werror>)

# Apart from nnhp_flags, because the kernels have sanitizers of their own choice: some take minutes
# to compile every access of a vector. Without the checks of virtual tables and of functions' types,
# which are not in the runtimes that can be preloaded into Python.
add_library(nnhp_sanitizers INTERFACE)
if(NNHP_SANITIZE)
  target_compile_options(nnhp_sanitizers INTERFACE -fsanitize=${NNHP_SANITIZE}
                                                   -fno-sanitize=vptr,function -fno-sanitize-recover=all
                                                   -fno-omit-frame-pointer)
  target_link_options(nnhp_sanitizers INTERFACE -fsanitize=${NNHP_SANITIZE})
endif()
