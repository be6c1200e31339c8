// pipeline: three stages joined by bounded channels; a slow stage holds the fast ones back, and closing flows through.
#include <ramie/ramie.hpp>

#include <cstdio>
#include <string>

namespace {

void produce(ramie::sender<int> out) {
    for (int i = 1; i <= 1000; ++i)
        if (!out.send(i)) return;  // waits while the channel is full; fails when nobody receives any more
}                                  // the last sender goes: the channel ends

void square(ramie::receiver<int> in, ramie::sender<std::string> out) {
    for (int const value : in)
        if (!out.send(std::to_string(value * value))) return;
}

std::size_t count_digits(ramie::receiver<std::string> in) {
    std::size_t digits = 0;
    for (auto const& text : in) digits += text.size();
    return digits;
}

}  // namespace

int main() {
    ramie::run([] {
        auto [numbers, numbers_in] = ramie::channel<int>(16);
        auto [texts, texts_in] = ramie::channel<std::string>(16);
        // The ends are moved into the stages, so each stage's end ends its channel.
        ramie::spawn(produce, std::move(numbers)).detach();
        ramie::spawn(square, std::move(numbers_in), std::move(texts)).detach();
        std::printf("the squares of 1 to 1000 have %zu digits\n", ramie::spawn(count_digits, std::move(texts_in)).get());
    });
}
