// error: ramie: an argument cannot be copied into the task; std::move it, or lend it by std::ref
#include <ramie/join_set.hpp>

#include <memory>

void mistake() {
    auto owned = std::make_unique<int>(1);
    ramie::join_set<int> set;
    set.spawn([](std::unique_ptr<int> p) { return *p; }, owned);
}
