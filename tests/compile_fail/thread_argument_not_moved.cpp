// error: ramie: the callable or an argument cannot be copied; std::move it, or lend an argument by std::ref
#include <ramie/jthread.hpp>

#include <memory>

void mistake() {
    auto owned = std::make_unique<int>(1);
    ramie::jthread const task([](std::unique_ptr<int>) {}, owned);
}
