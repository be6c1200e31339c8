// Reading and writing what is not a socket, by a fiber. What it is says how:
//
//   in place   regular files, directories, block devices, memory devices (/dev/null, ...): libc's call
//   stream     pipes and terminals: bytes, of which as many are written at once as surely fit
//   messages   all else (eventfd, timerfd, inotify, devices): one call is one message, so it is made once, whole
//
// An attempt is made with RWF_NOWAIT. Most files do not know that: they are asked by poll() whether they are ready, and
// then used. Of messages, poll's word is only taken if it means something: there are devices that nobody can wait for
// (epoll refuses them), and others that take what is written to them but never say so (/dev/kmsg, fanotify). Their
// call is made on the blocking pool.
#pragma once

#include "posix/blocking_call.hpp"
#include "posix/parts.hpp"

#include <cstdint>

#include <sys/types.h>

namespace ramie::detail {

class other_file {
  public:
    explicit other_file(blocking_call& call) noexcept;

    // -1 and EAGAIN: it would wait, and may be waited for.
    ssize_t read(parts const& into) noexcept;
    // The same. Of a stream perhaps a part only.
    ssize_t write(parts const& from) noexcept;
    // What is left after a write is another write.
    bool is_stream() const noexcept { return how_ == how::stream; }

  private:
    enum class how : std::uint8_t { in_place, stream, messages };
    enum class answer : std::uint8_t { final, ask_it };

    how kind() const noexcept { return call_.never_waits() ? how::in_place : how_; }
    answer to_attempt(ssize_t n) noexcept;
    bool is_ready(short event) const noexcept;
    bool is_device_without_poll() noexcept;
    bool says_when_it_has_room() const noexcept;
    bool is_non_blocking() const noexcept;
    ssize_t write_some(parts const& from) noexcept;

    blocking_call& call_;
    how how_ = how::in_place;
    bool is_device_ = false;
    bool knows_nowait_ = true;
    std::size_t most_at_once_ = 0;  // of a stream
};

}  // namespace ramie::detail
