#include <ramie/jthread.hpp>

#include <ramie/detail/machine/home_process.hpp>
#include <ramie/this_fiber.hpp>

#include <utility>

namespace ramie {

jthread& jthread::operator=(jthread&& other) noexcept {
    if (this != &other) {
        stop_and_join();
        stop_ = std::move(other.stop_);
        thread_ = std::move(other.thread_);
    }
    return *this;
}

void jthread::swap(jthread& other) noexcept {
    std::swap(stop_, other.stop_);
    thread_.swap(other.thread_);
}

void jthread::stop_and_join() noexcept {
    if (!joinable()) return;
    if (!detail::home_process::is_here()) return thread_.detach();  // in a child it never ends
    request_stop();
    abort_shield whole;
    thread_.join();
}

}  // namespace ramie
