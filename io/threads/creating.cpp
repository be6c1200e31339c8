// pthread_create and thrd_create: a thread that the program makes is a fiber.
//
// What stays a real thread, each kind said once on stderr: one with a stack of its own, or of real-time scheduling; all, if
// libramie-hook is not loaded, or something is missing for thread states, or RAMIE_THREADS=off, or in a child of a process that
// had fibers when it forked.
#include "next.hpp"
#include "said_once.hpp"
#include "thread.hpp"
#include "whose.hpp"

#include <ramie/runtime.hpp>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string>

#include <sched.h>
#include <dlfcn.h>
#include <unistd.h>

namespace ramie::threads {

namespace {

constinit said_once own_stack("a thread with a stack of its own stays a real one");
constinit said_once real_time("a thread of real-time scheduling stays a real one");
constinit said_once in_child("in a child that was forked from a process with such threads they are real ones");

std::atomic<unsigned long> fibers{0}, real_threads{0};

detail::thread_seam const* look_for_seam() noexcept {
    char const* const mode = std::getenv("RAMIE_THREADS");
    if (mode != nullptr && std::strcmp(mode, "off") == 0) return nullptr;
    auto const* const found = ramie_thread_seam(detail::thread_seam::current_version);
    char const* const missing = found == nullptr                                   ? "libramie is of another version"
                                : ::dlsym(RTLD_DEFAULT, "ramie_hook_install") == nullptr ? "libramie-hook is not loaded"
                                                                                     : found->missing();
    if (missing[0] == '\0') return found;
    std::fprintf(stderr, "ramie-threads: all threads stay real ones: %s\n", missing);
    return nullptr;
}

// Of the process that made it: libramie has no runtimes in a child of fork that has lost the threads of one. Never destroyed,
// as threads may run while the process ends. (Real threads are made meanwhile, by libramie, see whose.hpp.)
class home {
  public:
    static bool is_elsewhere() noexcept {
        auto const made_in = owner_.load(std::memory_order_acquire);  // pairs with the release below
        return made_in != 0 && made_in != ::getpid();
    }
    static runtime& here() {
        static auto* const made = make();
        return *made;
    }

  private:
    static runtime* make() {
        runtime_options options;
        if (std::getenv("RAMIE_THREAD_NAME") == nullptr) options.thread_name = "fibers";
        if (std::getenv("RAMIE_STACK_SIZE") == nullptr) options.stack_size = std::size_t{1} << 20;
        if (std::getenv("RAMIE_DUMP_ON") == nullptr) options.dump_on = 0;  // the program's signals are its own
        auto* const made = new runtime(options);
        owner_.store(::getpid(), std::memory_order_release);
        return made;
    }
    static inline std::atomic<::pid_t> owner_{0};
};

bool makes_fibers() noexcept {
    if (seam() == nullptr) return false;
    if (!home::is_elsewhere()) return true;
    in_child.say();
    return false;
}

struct wishes {
    std::size_t stack_size = 0;  // 0: the usual
    bool detached = false;
    said_once* stays_real = nullptr;
};

wishes read(pthread_attr_t const* attr) noexcept {
    wishes w;
    if (attr == nullptr) return w;
    pthread_attr_t usual;
    if (::pthread_attr_init(&usual) != 0) return w;
    std::size_t size = 0, usual_size = 0;
    int state = PTHREAD_CREATE_JOINABLE, inherit = PTHREAD_INHERIT_SCHED, policy = SCHED_OTHER;
    ::pthread_attr_getstacksize(attr, &size);
    ::pthread_attr_getstacksize(&usual, &usual_size);
    ::pthread_attr_getdetachstate(attr, &state);
    ::pthread_attr_getinheritsched(attr, &inherit);
    ::pthread_attr_getschedpolicy(attr, &policy);
    ::pthread_attr_destroy(&usual);
    w.detached = state == PTHREAD_CREATE_DETACHED;
    if (size != usual_size) w.stack_size = size;
    // glibc gives an address below zero where none was set.
    void* bottom = nullptr;
    std::size_t own_size = 0;
    bool const has_stack = ::pthread_attr_getstack(attr, &bottom, &own_size) == 0 && bottom != nullptr &&
                           reinterpret_cast<std::uintptr_t>(bottom) + own_size != 0;
    if (has_stack) w.stays_real = &own_stack;
    else if (inherit == PTHREAD_EXPLICIT_SCHED && policy != SCHED_OTHER) w.stays_real = &real_time;
    if (w.stays_real != nullptr) w.stays_real->say();
    return w;
}

void run(std::shared_ptr<thread> const& t) {
    seam()->run(
        t->state,
        [](void* argument) {
            auto& self = *static_cast<thread*>(argument);
            (void)seam()->stack_of_fiber(&self.stack, &self.stack_size);
            self.result = self.c11 != nullptr ? reinterpret_cast<void*>(static_cast<std::intptr_t>(self.c11(self.argument)))
                                              : self.f(self.argument);
        },
        t.get());
    t->ends();
}

// 0, or what pthread_create returns.
int begin(std::shared_ptr<thread> const& t, wishes const& how, pthread_t* id) noexcept {
    try {
        t->state = seam()->take();
        if (t->state == nullptr) return EAGAIN;
        t->id = reinterpret_cast<pthread_t>(seam()->pointer(t->state));
        t->detached = how.detached;
        *id = t->id;  // before it runs, as glibc does
        thread::list(t);
        try {
            home::here().spawn(task_options{.stack_size = how.stack_size}, [t] { run(t); }).detach();
        } catch (...) {
            t->detached = true;
            t->ends();
            throw;
        }
        fibers.fetch_add(1, std::memory_order_relaxed);
        return 0;
    } catch (std::bad_alloc const&) {
        return EAGAIN;
    } catch (std::system_error const&) {
        return EAGAIN;
    } catch (std::invalid_argument const&) {
        return EINVAL;
    }
}

[[gnu::destructor]] void say_at_exit() {
    char const* const wanted = std::getenv("RAMIE_THREADS_STATS");
    if (wanted == nullptr || std::strcmp(wanted, "1") != 0) return;
    std::fprintf(stderr, "ramie-threads: %lu threads were fibers, %lu were real\n", fibers.load(), real_threads.load());
}

}  // namespace

detail::thread_seam const* seam() noexcept {
    static auto const* const found = look_for_seam();
    return found;
}

}  // namespace ramie::threads

using namespace ramie::threads;

RAMIE_EXPORTED int pthread_create(pthread_t* id, pthread_attr_t const* attr, void* (*f)(void*), void* argument) {
    if (is_ramies_own(__builtin_return_address(0), reinterpret_cast<void const*>(f), argument))
        return RAMIE_NEXT(pthread_create)(id, attr, f, argument);
    auto const how = read(attr);
    if (!makes_fibers() || how.stays_real != nullptr) {
        real_threads.fetch_add(1, std::memory_order_relaxed);
        return RAMIE_NEXT(pthread_create)(id, attr, f, argument);
    }
    auto const t = std::make_shared<thread>();
    t->f = f;
    t->argument = argument;
    return begin(t, how, id);
}

RAMIE_EXPORTED int thrd_create(thrd_t* id, thrd_start_t f, void* argument) {
    if (!makes_fibers()) return RAMIE_NEXT(thrd_create)(id, f, argument);
    auto const t = std::make_shared<thread>();
    t->c11 = f;
    t->argument = argument;
    auto const error = begin(t, {}, id);
    return error == 0 ? thrd_success : error == EAGAIN ? thrd_nomem : thrd_error;
}
