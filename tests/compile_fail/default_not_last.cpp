// error: ramie: otherwise() must be the last case of a select, and the only one
#include <ramie/channel_cases.hpp>

void mistake(ramie::receiver<int> numbers) {
    ramie::select(ramie::otherwise([] {}), ramie::on_receive(numbers, [](auto) {}));
}
