// error: ramie: the callable cannot be called with these arguments
#include <ramie/spawn_blocking.hpp>

void mistake() { (void)ramie::spawn_blocking([](int number) { return number; }, "seven"); }
