// error: ramie: timeout takes a callable without parameters, which it calls; put what may wait into a lambda
#include <ramie/channel.hpp>
#include <ramie/timeout.hpp>

using namespace std::chrono_literals;

void mistake(ramie::receiver<int> numbers) { (void)ramie::timeout(1s, numbers.receive()); }
