#include "dump/runtimes.hpp"

#include "dump/debug_layout.hpp"
#include "scheduler.hpp"

#include <ramie/detail/machine/home_process.hpp>
#include <ramie/detail/wait/plain_mutex.hpp>

#include <mutex>
#include <utility>

namespace ramie::detail {

namespace {

using list = std::vector<std::weak_ptr<scheduler>>;

constinit plain_mutex guard;
constinit list* known = nullptr;  // under guard; never destroyed, since static runtimes may outlive it

// A child has none of its parent's.
home_process::child_watcher const forgets(nullptr, []() noexcept {
    ::new (&guard) plain_mutex;
    known = nullptr;
});

}  // namespace

// For debuggers. In this file, because every program that has a runtime links it.
extern "C" {
RAMIE_API extern debug_root const ramie_debug_root;
[[gnu::used]] debug_root const ramie_debug_root{"ramie-1", &known, debug_layout::rows};
}

void note_runtime(std::shared_ptr<scheduler> const& s) {
    std::lock_guard const held(guard);
    if (known == nullptr) known = new list;
    std::erase_if(*known, [](auto const& each) { return each.expired(); });
    known->push_back(s);
}

std::vector<std::shared_ptr<scheduler>> all_runtimes() {
    std::vector<std::shared_ptr<scheduler>> there;
    std::lock_guard const held(guard);
    if (known == nullptr) return there;
    for (auto const& each : *known)
        if (auto s = each.lock()) there.push_back(std::move(s));
    return there;
}

}  // namespace ramie::detail
