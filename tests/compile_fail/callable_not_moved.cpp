// error: ramie: the callable cannot be copied into the task; std::move it
#include <ramie/spawn.hpp>

#include <memory>

void mistake() {
    auto job = [owned = std::make_unique<int>(1)] { return *owned; };
    (void)ramie::spawn(job);
}
