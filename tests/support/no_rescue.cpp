// In the tests of I/O and of the hook a call that blocks its worker must not be noticed, or a test that shows that the call
// parks could not fail: others would run on a spare. A test that is about rescue says so itself (runtime_options).
#include <cstdlib>

namespace {

[[maybe_unused]] bool const nobody_is_stuck = ::setenv("RAMIE_STALL_THRESHOLD_MS", "3600000", 0) == 0;

}  // namespace
