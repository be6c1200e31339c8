// What libramie-threads, a library of its own, needs of this one besides its public names: thread states whose address is
// known before the thread begins, since that address is what pthread_create() returns. Plain data, with a version, as the
// hook's seam.
#pragma once

#include <ramie/detail/ground/api.hpp>

#include <cstddef>

#include <pthread.h>

namespace ramie::detail {

struct thread_block;

struct thread_seam {
    static constexpr unsigned current_version = 1;
    unsigned version;
    // What is missing here; empty: nothing.
    char const* (*missing)() noexcept;
    // Null: no memory. A block that was taken is given back once no thread can ask for it any more.
    thread_block* (*take)() noexcept;
    void (*put)(thread_block*) noexcept;
    // Its pthread_t.
    void* (*pointer)(thread_block const*) noexcept;
    // On a fiber: f(argument) as a thread, to the end of its destructors. An exception that leaves f ends the process, but
    // for those by which a thread or a task ends.
    void (*run)(thread_block const*, void (*f)(void*), void* argument) noexcept;
    // pthread_exit() and __pthread_unwind_next(), which libc's own hide in a program that was not linked with libramie. They
    // return if the caller is no fiber.
    void (*exit)();
    void (*unwind_next)(__pthread_unwind_buf_t* done);
    // The running fiber's stack. False: no fiber.
    bool (*stack_of_fiber)(void** bottom, std::size_t* size) noexcept;
};

}  // namespace ramie::detail

// Null: this library has another version.
extern "C" RAMIE_API ramie::detail::thread_seam const* ramie_thread_seam(unsigned version) noexcept;
