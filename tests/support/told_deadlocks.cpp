// A test that hangs because all wait for each other says so.
#include <cstdlib>

namespace {
[[maybe_unused]] bool const deadlocks_are_told = ::setenv("RAMIE_REPORT_DEADLOCKS", "1", 0) == 0;
}
