// error: ramie: a task cannot return a reference; return a value, a pointer or std::ref
#include <ramie/spawn.hpp>

void mistake(int& kept) {
    (void)ramie::spawn([&kept]() -> int& { return kept; });
}
