// error: ramie: the callable cannot be called with these arguments
#include <ramie/spawn.hpp>

void mistake() {
    int count = 0;
    (void)ramie::spawn([](int& n) { ++n; }, count);
}
