#include "ready/loop.hpp"

#include "ready/standard_numbers.hpp"
#include "seam/hook_seam.hpp"

#include <ramie/detail/switch/calling_out.hpp>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <system_error>

namespace ramie::detail {

namespace {

void check(int result, char const* call) {
    if (result < 0) throw std::system_error(-result, std::system_category(), std::string("ramie: ") + call);
}

}  // namespace

loop::uv_loop::uv_loop() {
    standard_numbers const held;  // a loop has an epoll set and an eventfd, and a process's first loop makes a pipe
    check(uv_loop_init(&handle), "uv_loop_init");
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

loop::loop() : interest_(std::make_shared<interest_set>(alarm_.fd())) {
    find_hook();
    start_watching();
}

void loop::start_watching() {
    check(uv_async_init(&uv_.handle, &wake_, [](uv_async_t*) {}), "uv_async_init");
    check(uv_poll_init(&uv_.handle, &world_, interest_->epoll_fd()), "uv_poll_init");
    world_.data = interest_.get();
    auto const harvest_it = [](uv_poll_t* world, int, int) { static_cast<interest_set*>(world->data)->harvest(); };
    check(uv_poll_start(&world_, UV_READABLE, harvest_it), "uv_poll_start");
    uv_run(&uv_.handle, UV_RUN_NOWAIT);  // libuv adds a new watcher to its epoll set only now
}

loop::~loop() { interest_->abandon(); }

void loop::turn(time_point until) {
    auto mode = UV_RUN_ONCE;
    if (until != never) {
        auto const now = std::chrono::steady_clock::now();
        if (until <= now) mode = UV_RUN_NOWAIT;
        else alarm_.set(until, now);
    }
    uv_run(&uv_.handle, mode);
}

// Called on the stacks of fibers that wake a task, even of a fiber that has ended and may be gone. libramie-hook must
// not take the write() inside for the fiber's own call: after an abort it would fail, and then libuv ends the process.
void loop::interrupt() noexcept {
    calling_out const not_the_fibers;
    uv_async_send(&wake_);
}

bool loop::harvest() {
    if (interest_->is_empty()) return false;
    if (interest_->harvest()) interrupt();
    return true;
}

std::unique_ptr<driver> make_driver() { return std::make_unique<loop>(); }

}  // namespace ramie::detail
