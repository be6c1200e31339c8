#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

#include <cstdlib>

// A test that hangs because all wait for each other says so.
[[maybe_unused]] static bool const deadlocks_are_told = ::setenv("RAMIE_REPORT_DEADLOCKS", "1", 0) == 0;
