// What the headers need of the compiler, in one line: without this an older standard gives hundreds of errors.
// (Including a file that does not exist ends the compilation; #error alone does not.)
#pragma once

#if __cplusplus <= 202002L
#error Ramie needs C++23: compile with -std=c++23
#include <compile_with_-std=c++23>
#endif

#include <ramie/detail/ground/api.hpp>

#include <version>

#if !defined(__cpp_lib_expected)
#error Ramie needs std::expected: gcc 12 or newer, or clang 19 or newer, with their standard library
#include <compile_with_gcc_12_or_clang_19>
#endif
