#include "seam/hook_seam.hpp"

#include "lot/lot_bell.hpp"
#include "lot/parking_lot.hpp"
#include "posix/blocking_call.hpp"
#include "posix/main_fiber.hpp"
#include "process/signal_hub.hpp"

#include <ramie/detail/machine/home_process.hpp>
#include <ramie/detail/switch/lane.hpp>
#include <ramie/detail/worker/stay.hpp>
#include <ramie/hook.hpp>
#include <ramie/posix.hpp>
#include <ramie/posix_messages.hpp>
#include <ramie/posix_requests.hpp>
#include <ramie/posix_signals.hpp>
#include <ramie/spawn_blocking.hpp>
#include <ramie/this_fiber.hpp>

#include <utility>

#include <dlfcn.h>
#include <unistd.h>

namespace ramie {

namespace detail {

namespace {

// On this thread, if the pool has no thread for it.
void do_on_pool(void (*f)(void*) noexcept, void* argument) noexcept {
    auto* const self = running_fiber();
    stay const here(*self);
    abort_shield const whole;
    bool done = false;
    try {
        done = spawn_blocking_in<blocking_share::jobs>([=]() noexcept { f(argument); }).join().has_value();
    } catch (std::exception const&) {}
    if (!done) f(argument);
}

// A signal to one thread counts if that thread is a worker or main's: what the program means by main's thread is one of these.
void handler_ran(void const* handler, bool by_kill_of_thread, bool restarts) noexcept {
    if (signal_hub::is_its_handler(handler)) return;
    if (by_kill_of_thread && carrier::this_lane() == nullptr && ::gettid() != ::getpid()) return;
    if (main_fiber::handler_ran(restarts)) lot_bell::ring_for_main();
}

constinit hook_calls exported = [] {
    hook_calls c{};
    c.calls_out = [](bool now) noexcept {
        auto* const here = carrier::this_lane();
        return here != nullptr && std::exchange(here->calls_out, now);
    };
    c.is_fiber = []() noexcept { return running_fiber() != nullptr; };
    c.is_hooked = []() noexcept {
        auto* const self = running_fiber();
        return self != nullptr && self->unhooked == 0;
    };
    c.who = []() noexcept -> void const* { return running_fiber(); };
    c.wait_at = parking_lot::wait_at;
    c.wake_at = parking_lot::wake_all;
    c.lot = &parking_lot::counters;
    c.wait_in_lot = parking_lot::wait;
    c.wake_in_lot = parking_lot::wake;
    c.ring_lot = lot_bell::ring;
    c.leave_unseen = parking_lot::leave_unseen;
    c.left_unseen = parking_lot::left_unseen;
    c.number = []() noexcept -> std::uint64_t {
        auto* const self = running_fiber();
        return self != nullptr ? static_cast<task*>(self)->id() : 0;
    };
    c.begin_hold = []() noexcept { begin_hold(*running_fiber()); };
    c.end_hold = []() noexcept { end_hold(*running_fiber()); };
    c.spend = []() noexcept {
        auto* const self = running_fiber();
        return self != nullptr && self->unhooked == 0 && carrier::this_lane()->spend(1);
    };
    c.handler_ran = handler_ran;
    c.enter = []() noexcept {
        auto* const self = running_fiber();
        if (self != nullptr && main_fiber::is(*self)) main_fiber::enter();
    };
    c.do_on_pool = do_on_pool;
    c.sched_yield = posix::sched_yield;
    c.use_file = use_file;
    c.accept4 = posix::accept4;
    c.clock_nanosleep = posix::clock_nanosleep;
    c.close = posix::close;
    c.close_range = posix::close_range;
    c.connect = posix::connect;
    c.dup2 = posix::dup2;
    c.dup3 = posix::dup3;
    c.epoll_wait = posix::epoll_wait;
    c.getaddrinfo = posix::getaddrinfo;
    c.gethostbyname = posix::gethostbyname;
    c.gethostbyname2 = posix::gethostbyname2;
    c.gethostbyname_r = posix::gethostbyname_r;
    c.gethostbyname2_r = posix::gethostbyname2_r;
    c.getnameinfo = posix::getnameinfo;
    c.nanosleep = posix::nanosleep;
    c.poll = posix::poll;
    c.ppoll = posix::ppoll;
    c.pselect = posix::pselect;
    c.read = posix::read;
    c.readv = posix::readv;
    c.recv = posix::recv;
    c.recvfrom = posix::recvfrom;
    c.recvmmsg = posix::recvmmsg;
    c.recvmsg = posix::recvmsg;
    c.select = posix::select;
    c.send = posix::send;
    c.sendmmsg = posix::sendmmsg;
    c.sendmsg = posix::sendmsg;
    c.sendto = posix::sendto;
    c.sleep = posix::sleep;
    c.usleep = posix::usleep;
    c.write = posix::write;
    c.writev = posix::writev;
#define RAMIE_CALL(name) c.name = posix::name;
    RAMIE_MORE_LIBC_CALLS(RAMIE_CALL)
#undef RAMIE_CALL
    c.fcntl = posix::fcntl;
    c.openat = posix::openat;
    return c;
}();

std::atomic<hook_answer const*> hook{nullptr};

// For a hook that wants to know when a fiber parks that holds pthread locks.
void report_locks(waiter& self, char const* what) noexcept {
    auto const* const answer = hook.load(std::memory_order_acquire);
    if (self.is_fiber()) answer->report(name_of(self).text, what, static_cast<task&>(self).id());
}

}  // namespace

void find_hook() noexcept {
    static std::atomic_flag looked = ATOMIC_FLAG_INIT;
    if (looked.test_and_set(std::memory_order_relaxed)) return;
    auto* const install = reinterpret_cast<hook_install*>(::dlsym(RTLD_DEFAULT, "ramie_hook_install"));
    if (install == nullptr) return;
    exported.home = home_process::looked_at.load(std::memory_order_acquire);  // a runtime is being made: final
    auto const* const answer = install(&exported);
    if (answer == nullptr) return;
    libc_in_use.store(answer->real, std::memory_order_release);  // pairs with the acquire in libc()
    hook.store(answer, std::memory_order_release);               // pairs with the acquires below and above
    if (answer->report != nullptr) tell_of_waits_with_locks(report_locks);
}

bool is_hook_in_use() noexcept {
    return hook.load(std::memory_order_acquire) != nullptr;
}

}  // namespace detail

hook_off::hook_off() noexcept : mine_(detail::waiter::self()) {
    ++mine_.unhooked;
}
hook_off::~hook_off() {
    --mine_.unhooked;
}

bool is_hooked() noexcept {
    return detail::is_hook_in_use() && detail::exported.is_hooked();
}

}  // namespace ramie
