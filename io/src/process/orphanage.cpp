#include "process/orphanage.hpp"

#include "process/child_process.hpp"

#include <ramie/detail/machine/above_standard.hpp>
#include <ramie/detail/wait/plain_mutex.hpp>
#include <ramie/signals.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <exception>
#include <initializer_list>
#include <optional>
#include <system_error>
#include <thread>

#include <pthread.h>
#include <sys/epoll.h>
#include <unistd.h>

namespace ramie::detail {

std::shared_ptr<orphanage> orphanage::of_process() {
    // Never destroyed: the thread may still run when the process ends.
    static auto& guard = *new plain_mutex;
    static auto& known = *new std::weak_ptr<orphanage>;
    std::lock_guard const held(guard);
    auto there = known.lock();
    // In the child of a fork the thread is missing, and its mutex may stay locked for ever.
    bool const forked = there != nullptr && there->process_ != ::getpid();
    if (there == nullptr || forked) known = there = std::make_shared<orphanage>();
    return there;
}

orphanage::orphanage() : process_(::getpid()), epoll_(above_standard(::epoll_create1(EPOLL_CLOEXEC))) {
    if (epoll_.get() < 0) throw std::system_error(errno, std::system_category(), "ramie: epoll_create1");
}

orphanage::place orphanage::make_place() {
    orphans one;
    return one.extract(one.try_emplace(0).first);
}

void orphanage::adopt(pid_t pid, owned_descriptor pidfd, place its) noexcept {
    std::lock_guard const held(mutex_);
    epoll_event ended{};
    ended.events = EPOLLIN;
    ended.data.u64 = static_cast<std::uint64_t>(pid);
    bool const watched = pidfd.get() != nullptr && ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, pidfd.fd(), &ended) == 0;
    if (pidfd.get() == nullptr) by_signals_ = true;
    unwatched_ = unwatched_ || !watched;
    its.key() = pid;
    its.mapped() = {std::move(pidfd), watched};
    children_.insert(std::move(its));
    start_if_needed();
}

void orphanage::look_after_them() noexcept {
    std::lock_guard const held(mutex_);
    // Not the others: the thread may wait for one of them, and would not hear of it if its pidfd were closed here.
    if (unwatched_) reap_ended(which::unwatched);
    start_if_needed();
}

void orphanage::reap_ended(which those) noexcept {
    std::erase_if(children_, [&](auto const& each) {
        auto const& [pidfd, watched] = each.second;
        return (!watched || those == which::all) && reap(each.first, pidfd.fd()).has_value();
    });
    unwatched_ = std::ranges::any_of(children_, [](auto const& each) { return !each.second.watched; });
}

void orphanage::start_if_needed() noexcept {
    if (kept_ || children_.empty()) return;
    sigset_t all, before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);  // this thread takes none of the process's signals
    try {
        std::thread([me = shared_from_this(), how = by_signals_ ? &orphanage::keep_by_signals : &orphanage::keep] {
            ::pthread_setname_np(::pthread_self(), "ramie-children");
            (*me.*how)();
        }).detach();
        kept_ = true;
        without_thread_.reset();
    } catch (std::exception const&) {  // no thread, or no memory for one: see the head
        without_thread_ = shared_from_this();
    }
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void orphanage::keep() noexcept {
    for (;;) {
        auto const limit = [&] {
            std::lock_guard const held(mutex_);
            return unwatched_ ? 100 : -1;
        }();
        std::array<epoll_event, 32> ended;
        auto const count = ::epoll_wait(epoll_.get(), ended.data(), static_cast<int>(ended.size()), limit);
        std::lock_guard const held(mutex_);
        for (int i = 0; i < count; ++i) {
            auto const it = children_.find(static_cast<pid_t>(ended[static_cast<std::size_t>(i)].data.u64));
            if (it == children_.end() || !reap(it->first, it->second.pidfd.fd())) continue;
            children_.erase(it);
        }
        if (unwatched_) reap_ended(which::unwatched);
        if (!children_.empty()) continue;
        kept_ = false;
        return;
    }
}

void orphanage::keep_by_signals() noexcept {
    for (std::optional<signals> ended;;) {
        try {
            if (!ended) ended.emplace(std::initializer_list<int>{SIGCHLD});
        } catch (std::exception const&) {
            std::this_thread::sleep_for(std::chrono::milliseconds(100));  // no signals: it looks every 100 ms
        }
        {
            std::lock_guard const held(mutex_);
            reap_ended(which::all);
            if (children_.empty()) {
                kept_ = by_signals_ = false;
                return;
            }
        }
        if (ended) (void)ended->next();
    }
}

}  // namespace ramie::detail
