// An existing thread-per-connection program, on fibers: its main, wrapped.
//
//     int main(int argc, char** argv) {
//         return ramie::run_as_threads([&] { return old_main(argc, argv); });
//     }
//
// With libramie-hook in the process, every wait in the connections' handlers parks them, and their code does not
// change; where the program starts a thread for a connection, std::thread becomes ramie::thread. docs/porting.md shows
// all steps.
#pragma once

#include <ramie/detail/ground/api.hpp>
#include <ramie/hook.hpp>
#include <ramie/runtime.hpp>

#include <type_traits>
#include <utility>

namespace ramie {

namespace detail {
// Throws std::logic_error if the caller's blocking calls would block.
RAMIE_API void must_be_hooked();
RAMIE_API runtime_options with_room(runtime_options options);
// While it lives, the calling fiber stands for the program's main thread: handlers end its calls with EINTR. Of several at once,
// the first.
class main_seat {
  public:
    RAMIE_API main_seat() noexcept;
    main_seat(main_seat const&) = delete;
    main_seat& operator=(main_seat const&) = delete;
    RAMIE_API ~main_seat();

  private:
    bool seated_ = false;
};
// In a child forked inside main: exit(status). Else does nothing.
RAMIE_API void end_if_forked(int status);
}  // namespace detail

// As run(), but refuses code that would block its workers: std::logic_error without libramie-hook, or if
// RAMIE_HOOK=off. Stacks are 1 MiB unless the options or RAMIE_STACK_SIZE say otherwise: code written for threads uses
// larger stacks, and only touched pages cost memory. A child that f() forks ends with f's result, as main does.
template <class F>
std::invoke_result_t<F&> run_as_threads(runtime_options const& options, F&& f) {
    return run(detail::with_room(options), [&] {
        detail::must_be_hooked();
        detail::main_seat const as_main;
        if constexpr (std::is_same_v<std::invoke_result_t<F&>, int>) {
            int const status = f();
            detail::end_if_forked(status);
            return status;
        } else {
            return f();
        }
    });
}

template <class F>
requires(!std::is_same_v<std::remove_cvref_t<F>, runtime_options>) std::invoke_result_t<F&> run_as_threads(F&& f) {
    return run_as_threads(runtime_options{}, std::forward<F>(f));
}

}  // namespace ramie
