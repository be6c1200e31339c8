// error: ramie: the callable cannot be called with these arguments
#include <ramie/spawn.hpp>

void mistake() { (void)ramie::spawn([](int number) { return number; }, "seven"); }
