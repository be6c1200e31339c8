// A thread of the program's that is a fiber.
//
// Its pthread_t is the address of its thread state (ramie::detail::thread_block), which pthread_self() reads from the thread
// pointer by itself. So the state is taken before the thread begins, and goes back once the thread has ended and was joined
// or detached: until then no other thread can have its pthread_t.
//
//     made: running, joinable --detach--> running, detached --end--> gone
//       |  \--join (one at a time)--> waited for --end--> gone
//       `--end--> ended, joinable --join or detach--> gone
//
// `gone`: out of the table, and its state given back, by whichever of them comes last. All under `lock`.
#pragma once

#include <ramie/condition_variable.hpp>
#include <ramie/detail/switch/thread_seam.hpp>
#include <ramie/mutex.hpp>

#include <memory>

#include <pthread.h>
#include <threads.h>

namespace ramie::threads {

struct thread {
    // What it runs.
    void* (*f)(void*) = nullptr;
    thrd_start_t c11 = nullptr;  // instead of f
    void* argument = nullptr;

    detail::thread_block* state = nullptr;
    pthread_t id = 0;
    void* result = nullptr;  // by itself, before it ends

    ramie::mutex lock;
    ramie::condition_variable has_ended;
    bool ended = false, detached = false, is_joined = false;
    char name[16] = {};       // for pthread_getname_np
    void* stack = nullptr;    // once it runs
    std::size_t stack_size = 0;

    // Null: not a fiber of ours, or gone.
    static std::shared_ptr<thread> find(pthread_t id) noexcept;
    // The calling one; null: it is a real thread.
    static std::shared_ptr<thread> self() noexcept { return find(::pthread_self()); }
    static void list(std::shared_ptr<thread> t);
    // Gone: with `lock` held.
    void forget() noexcept;
    // Its last step.
    void ends() noexcept;
    // Until each has ended.
    static void wait_for_all() noexcept;
};

// What libramie offers; null: threads stay as they are (it was said why).
detail::thread_seam const* seam() noexcept;

}  // namespace ramie::threads
