// Tasks in the shape of POSIX threads.
//
// A thread's record has two references: the handle's, which join or detach gives up, and the running thread's own. Its
// task's join_handle is stored under its lock, which the creator holds during the spawn: a thread that detaches itself at once
// waits for that.
#include "c/answer.hpp"
#include "c/keys.hpp"

#include <ramie/fiber_local.hpp>
#include <ramie/mutex.hpp>
#include <ramie/ramie.h>
#include <ramie/run_as_threads.hpp>
#include <ramie/runtime.hpp>
#include <ramie/task_tracker.hpp>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>

#include <pthread.h>

struct ramie_thread {
    ramie::mutex lock;
    ramie::join_handle<void*> task;  // under lock; empty: detached, being joined, or not one of C's
    std::optional<ramie::abort_handle> stop;  // under lock; empty: not one of C's
    std::shared_ptr<ramie_thread> kept;  // the handle's reference; under lock
};

namespace {

using namespace ramie;
using ramie::detail::answer;
using ramie::detail::exit_of_thread;
using ramie::detail::in_words_of_c11;

fiber_local<std::shared_ptr<ramie_thread>> self;

// All of the process that run, so that a main that ends by ramie_thread_exit can wait for them.
task_tracker& running() {
    static auto* const all = new task_tracker;
    return *all;
}

// What a thread does, in either shape.
struct start_of_thread {
    void* (*f)(void*);    // POSIX's; null: C11's
    int (*c11)(void*);
    void* arg;
    void* operator()() const { return f != nullptr ? f(arg) : as_pointer(c11(arg)); }
    static void* as_pointer(int result) noexcept { return reinterpret_cast<void*>(static_cast<std::intptr_t>(result)); }
};

void* call(start_of_thread const& start) {
    try {
        return start();
    } catch (exit_of_thread const& e) {
        return e.result;
    }
}

void* run_thread(std::shared_ptr<ramie_thread> mine, start_of_thread const& start) {
    self.set(std::move(mine));
    auto* const result = call(start);
    if (auto* const values = ramie::detail::key_values::mine()) values->end();
    return result;
}

join_handle<void*> spawn_thread(task_options const& options, std::shared_ptr<ramie_thread> mine, start_of_thread const& start) {
    auto body = [mine = std::move(mine), start, counted = running().track()]() mutable {
        return run_thread(std::move(mine), start);
    };
    if (ramie::detail::running_fiber() != nullptr) return spawn(options, std::move(body));
    return runtime_handle::current().spawn(options, std::move(body));
}

int create(ramie_thread_t* thread, ramie_thread_attr const* attr, start_of_thread const& start) {
    return answer([&] {
        task_options options;
        if (attr != nullptr) {
            options.stack_size = attr->stack_size;
            if (attr->name != nullptr) options.name = attr->name;
        }
        auto made = std::make_shared<ramie_thread>();
        std::lock_guard const until_stored(made->lock);
        auto task = spawn_thread(options, made, start);
        *thread = made.get();
        made->stop = task.abort_handle();
        if (attr != nullptr && attr->detached != 0) {
            task.detach();
        } else {
            made->task = std::move(task);
            made->kept = made;
        }
    });
}

int refused(std::exception const& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return -1;
}

}  // namespace

extern "C" {

int ramie_thread_create(ramie_thread_t* thread, ramie_thread_attr const* attr, void* (*f)(void*), void* arg) {
    return create(thread, attr, {f, nullptr, arg});
}

RAMIE_API int ramie_pthread_create(ramie_thread_t* thread, pthread_attr_t const* attr, void* (*f)(void*), void* arg) {
    ramie_thread_attr own{};
    if (attr != nullptr) {
        pthread_attr_t untouched;
        std::size_t usual = 0;
        if (auto const error = ::pthread_attr_init(&untouched)) return error;
        ::pthread_attr_getstacksize(&untouched, &usual);
        ::pthread_attr_destroy(&untouched);
        ::pthread_attr_getstacksize(attr, &own.stack_size);
        if (own.stack_size == usual) own.stack_size = 0;  // not set, so the runtime's
        int state = PTHREAD_CREATE_JOINABLE;
        ::pthread_attr_getdetachstate(attr, &state);
        own.detached = state == PTHREAD_CREATE_DETACHED;
    }
    return ramie_thread_create(thread, &own, f, arg);
}

int ramie_thread_join(ramie_thread_t thread, void** result) {
    return answer([&]() -> int {
        if (thread == ramie_thread_self()) return EDEADLK;
        std::unique_lock held(thread->lock);
        if (!thread->task.valid()) return EINVAL;
        // From here on no other call joins or detaches it; if this one is asked to stop, it is as before.
        auto task = std::move(thread->task);
        held.unlock();
        try {
            task.wait();
        } catch (...) {
            abort_shield const puts_it_back;
            held.lock();
            thread->task = std::move(task);
            throw;
        }
        auto const said = task.join();
        auto const last = std::move(thread->kept);
        if (!said) return ECANCELED;
        if (result != nullptr) *result = *said;
        return 0;
    });
}

int ramie_thread_detach(ramie_thread_t thread) {
    return answer([&]() -> int {
        std::shared_ptr<ramie_thread> last;  // goes after the lock
        abort_shield const waits_on;
        std::lock_guard const held(thread->lock);
        if (!thread->task.valid()) return EINVAL;
        thread->task.detach();
        last = std::move(thread->kept);
        return 0;
    });
}

int ramie_thread_abort(ramie_thread_t thread) {
    return answer([&]() -> int {
        abort_shield const waits_on;
        std::lock_guard const held(thread->lock);
        if (!thread->stop) return EINVAL;
        thread->stop->abort();
        return 0;
    });
}

ramie_thread_t ramie_thread_self(void) {
    if (auto const* const mine = self.try_get()) return mine->get();
    self.set(std::make_shared<ramie_thread>());
    return self.get().get();
}
int ramie_thread_equal(ramie_thread_t a, ramie_thread_t b) { return a == b; }
void ramie_thread_exit(void* result) { throw exit_of_thread{result}; }

int ramie_thrd_create(ramie_thread_t* thread, int (*f)(void*), void* arg) {
    return in_words_of_c11(create(thread, nullptr, {nullptr, f, arg}));
}
int ramie_thrd_join(ramie_thread_t thread, int* result) {
    void* said = nullptr;
    auto const error = ramie_thread_join(thread, &said);
    if (error == 0 && result != nullptr) *result = static_cast<int>(reinterpret_cast<std::intptr_t>(said));
    return in_words_of_c11(error);
}
int ramie_thrd_detach(ramie_thread_t thread) { return in_words_of_c11(ramie_thread_detach(thread)); }
void ramie_thrd_exit(int result) { ramie_thread_exit(start_of_thread::as_pointer(result)); }
int ramie_tss_create(ramie_key_t* key, void (*destroy)(void*)) { return in_words_of_c11(ramie_key_create(key, destroy)); }
void ramie_tss_delete(ramie_key_t key) { (void)ramie_key_delete(key); }
int ramie_tss_set(ramie_key_t key, void* value) { return in_words_of_c11(ramie_setspecific(key, value)); }

int ramie_sleep_ns(int64_t nanoseconds) {
    return answer([&] {
        if (nanoseconds < 0) return EINVAL;
        this_fiber::sleep_for(std::chrono::nanoseconds(nanoseconds));
        return 0;
    });
}
void ramie_yield(void) {
    (void)answer([] { this_fiber::yield(); });
}

int ramie_run(int (*f)(void*), void* arg) {
    try {
        return run([&] { return f(arg); });
    } catch (std::exception const& e) {
        return refused(e);
    }
}

int ramie_run_as_threads(int (*f)(void*), void* arg) {
    try {
        return run_as_threads([&] {
            try {
                return f(arg);
            } catch (exit_of_thread const&) {
                running().close();
                running().wait();
                return 0;
            }
        });
    } catch (std::exception const& e) {
        return refused(e);
    }
}

}  // extern "C"
