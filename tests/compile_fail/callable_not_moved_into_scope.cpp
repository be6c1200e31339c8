// error: ramie: the callable cannot be copied into the task; std::move it
#include <ramie/scope.hpp>

#include <memory>

void mistake() {
    auto job = [owned = std::make_unique<int>(1)] { return *owned; };
    ramie::scope children;
    (void)children.spawn(job);
}
