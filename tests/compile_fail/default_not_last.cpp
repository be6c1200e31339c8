// error: ramie: otherwise() must be the last case of a select, and the only one
#include <ramie/channel.hpp>
#include <ramie/select.hpp>

void mistake(ramie::receiver<int> numbers) {
    ramie::select(ramie::otherwise([] {}), ramie::on_receive(numbers, [](auto) {}));
}
