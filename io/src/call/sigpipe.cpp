#include "call/sigpipe.hpp"

#include "call/answer.hpp"
#include "call/simulated_call.hpp"
#include "libc/libc_calls.hpp"

#include <ramie/detail/ground/config.hpp>

#include <atomic>
#include <csignal>
#include <ctime>

#include <sys/sendfile.h>

#ifndef RWF_NOSIGNAL
#define RWF_NOSIGNAL 0x00000100
#endif

namespace ramie::detail::without_sigpipe {

namespace {

std::atomic<bool> has_flag{true};  // until the system says otherwise

template <class Call>
ssize_t holding_back(Call&& call) noexcept {
    sigset_t broken_pipe, before, pending;
    ::sigemptyset(&broken_pipe);
    ::sigaddset(&broken_pipe, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &broken_pipe, &before);
    bool const was_held_back = ::sigismember(&before, SIGPIPE) == 1;
    bool const was_pending = was_held_back && ::sigpending(&pending) == 0 && ::sigismember(&pending, SIGPIPE) == 1;
    auto const result = answer_of(call);
    if (result == -EPIPE && !was_pending) {
        timespec const at_once{};
        while (libc().sigtimedwait(&broken_pipe, nullptr, &at_once) < 0 && errno == EINTR) {}  // EAGAIN: the signal is ignored
    }
    if (!was_held_back) ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return result;
}

}  // namespace

RAMIE_NOIPA ssize_t write(int pipe, iovec const* from, std::size_t count) noexcept {
    // relaxed: a thread that does not know yet asks the system once more.
    if (has_flag.load(std::memory_order_relaxed)) {
        auto const result =
            answer_of([&] { return libc().pwritev2(pipe, from, static_cast<int>(count), -1, RWF_NOSIGNAL); });
        if (result != -EOPNOTSUPP && result != -ENOSYS) return result;
        has_flag.store(false, std::memory_order_relaxed);
    }
    return write_holding_back(pipe, from, count);
}

RAMIE_NOIPA ssize_t write_holding_back(int pipe, iovec const* from, std::size_t count) noexcept {
    return holding_back([&] { return libc().writev(pipe, from, static_cast<int>(count)); });
}

RAMIE_NOIPA ssize_t send_file(int to, int file, std::uint64_t offset, std::size_t size) noexcept {
    if (simulated_call::is_for(to)) [[unlikely]] return simulated_call::send_file(to, file, offset, size);
    return holding_back([&] {
        auto from = static_cast<off_t>(offset);
        return libc().sendfile(to, file, &from, size);
    });
}

}  // namespace ramie::detail::without_sigpipe
