// error: ramie: the callable cannot be copied into the task; std::move it
#include <ramie/join_set.hpp>

#include <memory>

void mistake() {
    auto job = [owned = std::make_unique<int>(1)] { return *owned; };
    ramie::join_set<int> set;
    set.spawn(job);
}
