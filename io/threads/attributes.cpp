// What is asked and set of a thread: for a fiber, kept here; what only the kernel could do is not done, and said once.
#include "next.hpp"
#include "said_once.hpp"
#include "thread.hpp"

#include <cerrno>
#include <cstring>
#include <mutex>

#include <sched.h>
#include <signal.h>
#include <unistd.h>

namespace ramie::threads {

namespace {

constinit said_once schedules("priorities and processors of single threads are ignored: they are fibers");
constinit said_once signals("pthread_kill of another thread is refused (ENOTSUP): the threads are fibers");
constinit said_once cancels("pthread_cancel is refused (ENOTSUP): the threads are fibers");

int ignored_schedule() noexcept {
    schedules.say();
    return 0;
}

}  // namespace

}  // namespace ramie::threads

using namespace ramie::threads;

RAMIE_EXPORTED int pthread_setname_np(pthread_t id, char const* name) noexcept {
    auto const t = thread::find(id);
    if (t == nullptr) return RAMIE_NEXT(pthread_setname_np)(id, name);
    if (std::strlen(name) >= sizeof t->name) return ERANGE;
    std::lock_guard const held(t->lock);
    std::strcpy(t->name, name);
    return 0;
}
RAMIE_EXPORTED int pthread_getname_np(pthread_t id, char* name, size_t size) noexcept {
    auto const t = thread::find(id);
    if (t == nullptr) return RAMIE_NEXT(pthread_getname_np)(id, name, size);
    std::lock_guard const held(t->lock);
    if (std::strlen(t->name) >= size) return ERANGE;
    std::strcpy(name, t->name);
    return 0;
}

RAMIE_EXPORTED int pthread_getattr_np(pthread_t id, pthread_attr_t* attr) noexcept {
    auto const t = thread::find(id);
    if (t == nullptr) return RAMIE_NEXT(pthread_getattr_np)(id, attr);
    if (auto const error = ::pthread_attr_init(attr)) return error;
    std::lock_guard const held(t->lock);
    if (t->stack != nullptr) (void)::pthread_attr_setstack(attr, t->stack, t->stack_size);
    return ::pthread_attr_setdetachstate(attr, t->detached ? PTHREAD_CREATE_DETACHED : PTHREAD_CREATE_JOINABLE);
}

RAMIE_EXPORTED int pthread_setaffinity_np(pthread_t id, size_t size, cpu_set_t const* set) noexcept {
    return thread::find(id) != nullptr ? ignored_schedule() : RAMIE_NEXT(pthread_setaffinity_np)(id, size, set);
}
RAMIE_EXPORTED int pthread_getaffinity_np(pthread_t id, size_t size, cpu_set_t* set) noexcept {
    if (thread::find(id) == nullptr) return RAMIE_NEXT(pthread_getaffinity_np)(id, size, set);
    return ::sched_getaffinity(::getpid(), size, set) == 0 ? 0 : errno;
}
RAMIE_EXPORTED int pthread_setschedparam(pthread_t id, int policy, sched_param const* parameters) noexcept {
    return thread::find(id) != nullptr ? ignored_schedule() : RAMIE_NEXT(pthread_setschedparam)(id, policy, parameters);
}
RAMIE_EXPORTED int pthread_setschedprio(pthread_t id, int priority) noexcept {
    return thread::find(id) != nullptr ? ignored_schedule() : RAMIE_NEXT(pthread_setschedprio)(id, priority);
}
RAMIE_EXPORTED int pthread_getschedparam(pthread_t id, int* policy, sched_param* parameters) noexcept {
    if (thread::find(id) == nullptr) return RAMIE_NEXT(pthread_getschedparam)(id, policy, parameters);
    *policy = SCHED_OTHER;
    *parameters = {};
    return 0;
}
RAMIE_EXPORTED int pthread_getcpuclockid(pthread_t id, clockid_t* clock) noexcept {
    return thread::find(id) != nullptr ? ENOENT : RAMIE_NEXT(pthread_getcpuclockid)(id, clock);
}

// To itself: the carrying thread runs the handler at once. To another fiber nothing can be sent yet.
RAMIE_EXPORTED int pthread_kill(pthread_t id, int signal) noexcept {
    auto const t = thread::find(id);
    if (t == nullptr || ::pthread_equal(id, ::pthread_self()) != 0) return RAMIE_NEXT(pthread_kill)(id, signal);
    if (signal < 0 || signal >= NSIG) return EINVAL;
    if (signal == 0) return 0;
    signals.say();
    return ENOTSUP;
}
RAMIE_EXPORTED int pthread_sigqueue(pthread_t id, int signal, sigval const value) noexcept {
    auto const t = thread::find(id);
    if (t == nullptr || ::pthread_equal(id, ::pthread_self()) != 0) return RAMIE_NEXT(pthread_sigqueue)(id, signal, value);
    signals.say();
    return ENOTSUP;
}
RAMIE_EXPORTED int pthread_cancel(pthread_t id) {
    if (thread::find(id) == nullptr) return RAMIE_NEXT(pthread_cancel)(id);
    cancels.say();
    return ENOTSUP;
}
