// error: ramie: a channel carries values, not void or references; for a signal without a value there is notify
#include <ramie/channel.hpp>

void mistake() {
    auto [tx, rx] = ramie::channel<void>(1);
    (void)tx, (void)rx;
}
