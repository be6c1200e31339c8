// error: ramie: the callable cannot be called with these arguments
#include <ramie/async.hpp>

void mistake() {
    int count = 0;
    auto const done = ramie::async([](int& n) { ++n; }, count);
}
