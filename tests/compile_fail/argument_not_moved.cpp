// error: ramie: an argument cannot be copied into the task; std::move it, or lend it by std::ref
#include <ramie/spawn.hpp>

#include <memory>

void mistake() {
    auto owned = std::make_unique<int>(1);
    (void)ramie::spawn([](std::unique_ptr<int> p) { return *p; }, owned);
}
