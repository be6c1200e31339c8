#include "ready/loop.hpp"

#include "libc/libc_calls.hpp"
#include "ready/standard_numbers.hpp"
#include "seam/hook_seam.hpp"

#include <ramie/detail/machine/above_standard.hpp>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <system_error>

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

namespace ramie::detail {

using namespace std::chrono_literals;
using own = interest_set::own;

namespace {

void check(int result, char const* call) {
    if (result < 0) throw std::system_error(-result, std::system_category(), std::string("ramie: ") + call);
}

}  // namespace

namespace {

// libuv makes a pipe with the first loop, and ends the process, without a word, if there is none to be had. Before that, it makes the
// loop's epoll set.
void look_for_a_pipe() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) throw std::system_error(errno, std::system_category(), "ramie: pipe2");
    unique_fd const reader(ends[0]), writer(ends[1]);
    unique_fd const third(::fcntl(reader.get(), F_DUPFD_CLOEXEC, 0));
    if (third.get() < 0) throw std::system_error(errno, std::system_category(), "ramie: no descriptor for libuv");
}

}  // namespace

loop::uv_loop::uv_loop() {
    standard_numbers const held;  // a loop has an epoll set and an eventfd, and a process's first loop makes a pipe
    static bool const has_pipe = (look_for_a_pipe(), true);
    (void)has_pipe;
    handle.backend_fd = -1;
    auto const result = uv_loop_init(&handle);
    if (result == 0) return;
    unique_fd const forgotten(handle.backend_fd);  // libuv leaves it open
    check(result, "uv_loop_init");
}

loop::uv_loop::~uv_loop() {
    uv_walk(&handle, [](uv_handle_t* h, void*) {
        if (!uv_is_closing(h)) uv_close(h, nullptr);
    }, nullptr);
    uv_run(&handle, UV_RUN_DEFAULT);  // returns when all handles are closed
    if (uv_loop_close(&handle) == 0) return;
    std::fputs("ramie: the event loop of a runtime that ends still has open handles:\n", stderr);
    uv_print_all_handles(&handle, stderr);
    std::abort();
}

loop::loop()
    : wake_(above_standard(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK))), interest_(std::make_shared<interest_set>()) {
    find_hook();
    if (wake_.get() < 0) throw std::system_error(errno, std::system_category(), "ramie: eventfd");
    interest_->watch_own(alarm_.fd(), own::alarm, EPOLLIN | EPOLLET);
    interest_->watch_own(wake_.get(), own::interrupt, EPOLLIN | EPOLLET);
    interest_->watch_own(uv_backend_fd(&uv_.handle), own::libuv, EPOLLIN);
}

loop::~loop() { interest_->abandon(); }

void loop::turn(time_point until) {
    bool const has_handles = uv_loop_alive(&uv_.handle) != 0;
    if (has_handles) {
        auto const ms = libuvs_limit();
        if (ms >= 0) until = std::min(until, std::chrono::steady_clock::now() + std::chrono::milliseconds(ms));
    }
    auto const reported = sleep(until);
    bool const is_ready = (reported & interest_set::bit(own::libuv)) != 0;
    if (is_ready || (has_handles && libuvs_limit() == 0)) uv_run(&uv_.handle, UV_RUN_NOWAIT);
}

// In how many milliseconds libuv wants to run, if its descriptor is not ready before; -1: it has no timers.
int loop::libuvs_limit() noexcept {
    uv_update_time(&uv_.handle);
    return uv_backend_timeout(&uv_.handle);
}

unsigned loop::sleep(time_point until) {
    using namespace std::chrono;
    constexpr auto far = 20ms;
    unsigned reported = 0;
    if (until == never) {
        (void)interest_->sleep(nullptr, reported);
        return reported;
    }
    auto const now = steady_clock::now();
    if (until <= now) return interest_->harvest();
    if (until - now >= far && times_in_ns_) {
        auto const whole = floor<seconds>(until - now);
        timespec const most{static_cast<time_t>(whole.count()), static_cast<long>(nanoseconds(until - now - whole).count())};
        times_in_ns_ = interest_->sleep(&most, reported);
        if (times_in_ns_) return reported;
    }
    alarm_.set(until, now);
    (void)interest_->sleep(nullptr, reported);
    return reported;
}

// Called on the stacks of fibers that wake a task, even of a fiber that has ended and may be gone: so this is libc's own
// write(), never libramie-hook's, which would take it for the fiber's own call. It cannot fail: the count would have to
// reach 2^64.
void loop::interrupt() noexcept {
    std::uint64_t const one = 1;
    (void)libc().write(wake_.get(), &one, sizeof one);
}

bool loop::harvest() {
    if (interest_->is_empty()) return false;
    constexpr auto ends_a_turn = interest_set::bit(own::alarm) | interest_set::bit(own::interrupt);
    if ((interest_->harvest() & ends_a_turn) != 0) interrupt();
    return true;
}

std::unique_ptr<driver> make_driver() { return std::make_unique<loop>(); }

}  // namespace ramie::detail
