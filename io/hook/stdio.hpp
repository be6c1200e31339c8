// Shared by the FILE functions that the hook takes over.
#pragma once

#include "hook_state.hpp"

#include <atomic>
#include <cstdarg>
#include <cstdio>

#include <dlfcn.h>

// The headers define some of them as macros and inline functions, with different exception specifications: so each is
// defined under another name than the exported one.
#define RAMIE_FILE_CALL(result, name, parameters)                                                                      \
    RAMIE_EXPORTED result hooked_##name parameters asm(#name);                                                         \
    result hooked_##name parameters

namespace ramie::hook {

using detail::file_call;
using detail::file_use;

// libc's own function, looked up at its first use. Null: this libc has none.
template <class F>
class real_file_call {
  public:
    constexpr explicit real_file_call(char const* name) : name_(name) {}
    F get() noexcept {
        auto* found = call_.load(std::memory_order_relaxed);
        if (found == nullptr) {  // several threads may find the same
            found = ::dlsym(RTLD_NEXT, name_);
            call_.store(found, std::memory_order_relaxed);
        }
        return reinterpret_cast<F>(found);
    }
    template <class... Args>
    auto operator()(Args... args) noexcept {
        return get()(args...);
    }

  private:
    char const* const name_;
    std::atomic<void*> call_{nullptr};
};

// call() uses `file` as described by `use`; on a fiber it is made as file_use.hpp says. `failure`: the result if it is
// not made.
template <class R, class Call>
R on_file(FILE* file, file_use use, size_t size, int delimiter, R failure, Call&& call) {
    auto const* const fiber = for_fiber();
    if (fiber == nullptr) return call();
    R result = failure;
    auto body = [&] { result = call(); };
    file_call const all{file, use, size, delimiter, [](void* b) { (*static_cast<decltype(body)*>(b))(); }, &body};
    return fiber->use_file(all) ? result : failure;
}

}  // namespace ramie::hook
