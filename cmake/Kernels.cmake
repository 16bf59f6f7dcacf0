# The kernels: one source (cpp/nnhp/kernels/kernels.inc), compiled once per instruction set into an
# object library of its own, of which one is chosen at run time.

set(nnhp_isas base)
set(nnhp_isa_flags_base "")
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64)$")
  if(NOT NNHP_SANITIZE) # which find in one instruction set what is in all, for the source is the same
    list(APPEND nnhp_isas avx2 avx512)
  endif()
  set(nnhp_isa_flags_base -march=x86-64-v2)
  set(nnhp_isa_flags_avx2 -march=x86-64-v3)
  set(nnhp_isa_flags_avx512 -march=x86-64-v4 -mprefer-vector-width=512)
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "^(aarch64|arm64)$")
  # GCC schedules before it allocates registers (on x86 only after), and spills sums of tiles for it.
  set(nnhp_isa_flags_base $<$<CXX_COMPILER_ID:GNU>:-fno-schedule-insns>)
endif()

set(nnhp_kernel_flags -O3 -fno-math-errno -fno-trapping-math)
if(NNHP_SANITIZE_KERNELS)
  list(APPEND nnhp_kernel_flags -O1 -fsanitize=${NNHP_SANITIZE_KERNELS} -fno-sanitize=vptr,function
       -fno-sanitize-recover=all)
endif()

string(TOUPPER "${CMAKE_BUILD_TYPE}" build_type)
string(STRIP "${CMAKE_CXX_FLAGS} ${CMAKE_CXX_FLAGS_${build_type}}" nnhp_build_flags)
list(JOIN nnhp_kernel_flags " " joined)
string(APPEND nnhp_build_flags ", kernels: ${joined}")

function(nnhp_add_kernels target)
  foreach(isa IN LISTS nnhp_isas)
    set(objects nnhp_kernels_${isa})
    add_library(${objects} OBJECT cpp/nnhp/kernels/isa_${isa}.cpp)
    target_include_directories(${objects} PRIVATE cpp)
    target_link_libraries(${objects} PRIVATE nnhp_flags)
    # -Wno-psabi: vectors are never passed between objects.
    target_compile_options(${objects} PRIVATE ${nnhp_kernel_flags} ${nnhp_isa_flags_${isa}}
                                              -Wno-psabi)
    set_target_properties(${objects} PROPERTIES INTERPROCEDURAL_OPTIMIZATION OFF)
    target_sources(${target} PRIVATE $<TARGET_OBJECTS:${objects}>)
  endforeach()
  if(avx2 IN_LIST nnhp_isas)
    target_compile_definitions(${target} PRIVATE NNHP_X86_LEVELS)
  endif()
endfunction()

# Two tests: no ISA object defines a symbol beside its table; and the check would notice one.
function(nnhp_test_isa_symbols)
  find_package(Python REQUIRED COMPONENTS Interpreter)
  set(check ${Python_EXECUTABLE} ${PROJECT_SOURCE_DIR}/cmake/check_isa_symbols.py --nm
            ${CMAKE_NM})
  foreach(isa IN LISTS nnhp_isas)
    add_test(NAME isa_symbols_${isa} COMMAND ${check} --table kernels_${isa}
                                             $<TARGET_OBJECTS:nnhp_kernels_${isa}>)
  endforeach()
  add_test(NAME isa_symbols_self_test COMMAND ${check} --self-test ${CMAKE_CXX_COMPILER})
endfunction()
