// Reading and writing files that are not sockets, by a fiber. The kind of file says how:
//
//   in place   regular files, directories, block devices, memory devices (/dev/null, ...): libc's call
//   stream     pipes and terminals: bytes; a write gives as many at once as surely fit
//   messages   all others (eventfd, timerfd, inotify, devices): one call is one message, so it is made once, whole
//
// An attempt is made with RWF_NOWAIT. Most files do not support that: then poll() says whether the file is ready, and
// the plain call follows. For messages, poll's answer is used only where it means something: some devices cannot be
// polled (epoll refuses them), and others take what is written but never report room (/dev/kmsg, fanotify). Their calls
// are made on the blocking pool.
#pragma once

#include "posix/blocking_call.hpp"
#include "posix/parts.hpp"

#include <cstdint>

#include <sys/types.h>

namespace ramie::detail {

class other_file {
  public:
    explicit other_file(blocking_call& call) noexcept;

    // -1 and EAGAIN: it would have to wait, and there is an event to wait for.
    ssize_t read(parts const& into) noexcept;
    // The same. A stream may take only a part.
    ssize_t write(parts const& from) noexcept;
    // What is left after a write is written by another call.
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
    std::size_t most_at_once_ = 0;  // of a stream: as much as surely fits
};

}  // namespace ramie::detail
