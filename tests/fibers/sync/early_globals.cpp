#include "early_globals.hpp"

namespace ramie::testing {

early_globals early;

}  // namespace ramie::testing
