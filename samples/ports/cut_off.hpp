// Limits for a server whose waits have none of their own: what waits is noted with its deadline, and a watch, called
// now and then, shuts down the sockets that are late. Then the wait ends as if the peer had gone.
//
// For the coroutine variant. (A timer beside each wait would need a strand for each connection.)
#pragma once

#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <mutex>
#include <set>
#include <utility>

namespace cut_off {

using time_point = std::chrono::steady_clock::time_point;

// As ramie::client_limits.
struct client_limits {
    std::size_t connections = 10'000;
    std::chrono::nanoseconds idle = std::chrono::minutes(1), header{0}, request{0};
};

class watch;

// A client's socket, from when it is admitted until just before it is closed.
class guard {
  public:
    guard(watch& by, int fd) : by_(by), fd_(fd) {}
    guard(guard const&) = delete;
    guard& operator=(guard const&) = delete;
    ~guard();

    void waits();
    void goes_on() { until_ = time_point::max(); }
    void request_begins();
    void header_is_complete() { header_until_ = time_point::max(); }
    void request_is_over() {
        in_request_ = false;
        header_until_ = request_until_ = time_point::max();
    }

  private:
    friend class watch;
    watch& by_;
    int const fd_;
    std::atomic<time_point> until_{time_point::max()};  // read by the watch
    bool in_request_ = false;
    time_point header_until_ = time_point::max();
    time_point request_until_ = time_point::max();
};

class watch {
  public:
    explicit watch(client_limits const& l) : limits_(l) {}

    // Null: one too many.
    std::unique_ptr<guard> admit(int fd) {
        std::lock_guard const held(lock_);
        if (guards_.size() >= limits_.connections) return nullptr;
        auto admitted = std::make_unique<guard>(*this, fd);
        guards_.insert(admitted.get());
        return admitted;
    }

    void shut_down_who_is_late() {
        auto const now = std::chrono::steady_clock::now();
        std::lock_guard const held(lock_);  // so none of them is closed meanwhile
        for (auto const* each : guards_)
            if (each->until_.load() <= now) ::shutdown(each->fd_, SHUT_RDWR);
    }

  private:
    friend class guard;
    client_limits const limits_;
    std::mutex lock_;
    std::set<guard*> guards_;
};

inline time_point after(std::chrono::nanoseconds limit) {
    return limit.count() == 0 ? time_point::max() : std::chrono::steady_clock::now() + limit;
}

inline guard::~guard() {
    std::lock_guard const held(by_.lock_);
    by_.guards_.erase(this);
}

inline void guard::waits() {
    until_ = std::min({after(by_.limits_.idle), header_until_, request_until_});
}

inline void guard::request_begins() {
    if (std::exchange(in_request_, true)) return;
    header_until_ = after(by_.limits_.header);
    request_until_ = after(by_.limits_.request);
}

}  // namespace cut_off
