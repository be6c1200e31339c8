#include "stop_requests.hpp"

#include "scheduler.hpp"


#include <new>
#include <pthread.h>
#include <system_error>

namespace ramie::detail {

void stop_requests::add(task& t) noexcept {
    try {
        asked_.push_back(&t);
        t.ref();
    } catch (std::bad_alloc const&) {
        t.request_stop();
    }
}

void stop_requests::begin() noexcept {
    if (asked_.empty()) return;
    join();
    at_.store(asked_.front()->id(), std::memory_order_relaxed);
    over_.store(false, std::memory_order_relaxed);
    if (home_.is_simulated()) return make_all();
    try {
        thread_ = plain_thread([this] {
            ::pthread_setname_np(::pthread_self(), "ramie-stop");
            make_all();
        });
    } catch (std::exception const&) {  // no thread: std::system_error; or no memory for one
        make_all();
    }
}

void stop_requests::make_all() noexcept {
    for (auto* const each : asked_) {
        at_.store(each->id(), std::memory_order_relaxed);
        each->request_stop();
        each->unref();
    }
    asked_.clear();
    over_.store(true, std::memory_order_release);  // pairs with is_over()
    home_.something_ended();
}

void stop_requests::join() noexcept {
    if (thread_.joinable()) thread_.join();
}

std::string stop_requests::survivor() const {
    return "a std::stop_callback of task " + std::to_string(at_.load(std::memory_order_relaxed)) + ", runs";
}

}  // namespace ramie::detail
