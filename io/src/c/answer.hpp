// From C++ to C: exceptions become error numbers, and the thread is the same before and after, since C code may have kept the
// address of errno.
#pragma once

#include "posix/blocking_call.hpp"

#include <ramie/detail/worker/stay.hpp>
#include <ramie/error.hpp>

#include <cerrno>
#include <new>
#include <optional>
#include <stdexcept>
#include <system_error>
#include <type_traits>
#include <utility>

#include <threads.h>  // here, because the sources of this room say `using namespace ramie`, which has a once_flag, too

namespace ramie::detail {

// What ramie_thread_exit throws.
struct exit_of_thread {
    void* result;
};

class same_thread {
  public:
    same_thread() noexcept {
        if (auto* const self = running_fiber()) stays_.emplace(*self);
    }

  private:
    std::optional<stay> stays_;
};

// Calls f, which returns an error number or nothing. Only exit_of_thread gets past it.
template <class F>
int answer(F&& f) {
    same_thread const before_and_after;
    auto const error = errno;
    auto const says = [&]() -> int {
        try {
            if constexpr (std::is_void_v<std::invoke_result_t<F>>) return std::forward<F>(f)(), 0;
            else return std::forward<F>(f)();
        } catch (aborted const&) {
            return ECANCELED;
        } catch (deadline_passed const&) {
            return ETIMEDOUT;
        } catch (no_runtime const&) {
            return EPERM;
        } catch (std::system_error const& e) {
            return e.code().value();
        } catch (std::bad_alloc const&) {
            return EAGAIN;
        } catch (std::overflow_error const&) {
            return EOVERFLOW;
        } catch (std::length_error const&) {
            return EOVERFLOW;
        } catch (std::logic_error const&) {
            return EINVAL;
        }
    }();
    errno = error;
    return says;
}

// <threads.h>'s words for error numbers.
inline int in_words_of_c11(int error) noexcept {
    switch (error) {
    case 0: return thrd_success;
    case EBUSY: return thrd_busy;
    case ETIMEDOUT: return thrd_timedout;
    case EAGAIN:
    case ENOMEM: return thrd_nomem;
    default: return thrd_error;
    }
}

}  // namespace ramie::detail
