#include "address_wait.hpp"

#include "blocking_call.hpp"

#include <ramie/detail/after.hpp>
#include <ramie/detail/lane.hpp>
#include <ramie/detail/stay.hpp>
#include <ramie/this_fiber.hpp>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <mutex>

namespace ramie::detail::address_wait {

namespace {

struct sleeper : wait_node {
    using wait_node::wait_node;
    void const* address = nullptr;
};

// One list for all: such waits are rare and short.
constinit word_lock lock;
constinit intrusive_list<wait_node>* list = nullptr;  // made at first use, never destroyed; under `lock`
constinit std::atomic<unsigned> waiting{0};

intrusive_list<wait_node>& listed() noexcept {
    alignas(intrusive_list<wait_node>) static std::byte storage[sizeof(intrusive_list<wait_node>)];
    if (list == nullptr) list = new (storage) intrusive_list<wait_node>;
    return *list;
}

}  // namespace

void wait(void const* address, bool (*still)(void*), void* argument) noexcept {
    auto* const self = calling_fiber();
    if (self == nullptr) return;
    abort_shield const whole;
    sleeper mine(*self);
    mine.address = address;
    {
        std::lock_guard const held(lock);
        listed().push_back(mine);
    }
    waiting.fetch_add(1, std::memory_order_seq_cst);  // (1); pairs with (b)
    if (still(argument)) {
        auto const limit = carrier::now() + std::chrono::milliseconds(20);
        if (park_here(*self, mine.generation, {"a static's initialiser", address}, limit) == ENOMEM) {
            stay const here(*self);  // its caller asks again and again
            carrier::this_lane()->yield();
        }
    }
    waiting.fetch_sub(1, std::memory_order_relaxed);
    std::lock_guard const held(lock);
    listed().remove(mine);
}

void wake(void const* address) noexcept {
    std::atomic_thread_fence(std::memory_order_seq_cst);  // (b); pairs with (1)
    if (waiting.load(std::memory_order_relaxed) == 0) return;
    woken_list woken;
    std::lock_guard const held(lock);
    listed().for_each([&](wait_node& each) {
        if (static_cast<sleeper&>(each).address != address) return;
        listed().remove(each);
        auto* const who = each.who;
        if (who->state.claim(each.generation, task_state::outcome::woken) == task_state::claim_result::submit_it)
            woken.add(each);
    });
}

}  // namespace ramie::detail::address_wait
