// error: ramie: a channel carries values, not void or references; for a signal without a value there is notify
#include <ramie/oneshot.hpp>

void mistake() {
    auto [tx, rx] = ramie::oneshot<int&>();
    (void)tx, (void)rx;
}
