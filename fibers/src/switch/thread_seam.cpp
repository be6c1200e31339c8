#include <ramie/detail/switch/thread_seam.hpp>

#include "switch/own_state.hpp"
#include "thread_state/c_library.hpp"

#include <ramie/detail/task/thread_exit.hpp>

#include <cstdlib>
#include <exception>
#include <new>

namespace ramie::detail {

namespace {

// A thread whose function has returned in a child is the child's last one.
[[noreturn]] void end_forked_thread() { std::exit(EXIT_SUCCESS); }

constexpr thread_seam seam{
    .version = thread_seam::current_version,
    .missing = []() noexcept { return c_library::found().missing.data(); },
    .take = []() noexcept -> thread_block* {
        try {
            return &thread_block::take();
        } catch (std::bad_alloc const&) {
            return nullptr;
        }
    },
    .put = [](thread_block* b) noexcept { b->put(); },
    .pointer = [](thread_block const* b) noexcept { return b->pointer; },
    .run =
        [](thread_block const* b, void (*f)(void*), void* argument) noexcept {
            auto const body = [&]() noexcept {
                try {
                    f(argument);
                } catch (aborted const&) {
                } catch (forced_unwind const&) {
                    end_thread_exit();
                } catch (...) {
                    std::terminate();  // which says what it was
                }
            };
            run_with_state(*b, body, &end_forked_thread);
        },
    .exit = &exit_task,
    .unwind_next = &unwind_next,
    .stack_of_fiber = [](void** bottom, std::size_t* size) noexcept {
        auto const* const here = carrier::this_lane();
        if (here == nullptr || here->current == nullptr) return false;
        auto const& s = *here->current->stack;
        *bottom = s.bottom;
        *size = s.usable();
        return true;
    },
};

}  // namespace

}  // namespace ramie::detail

ramie::detail::thread_seam const* ramie_thread_seam(unsigned version) noexcept {
    return version == ramie::detail::thread_seam::current_version ? &ramie::detail::seam : nullptr;
}
