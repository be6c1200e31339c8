// error: ramie: race needs callables that return the same type
#include <ramie/race.hpp>

#include <string>

void mistake() {
    (void)ramie::race([] { return 1; }, [] { return std::string("one"); });
}
