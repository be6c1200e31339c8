// Only one process at a time may replace the file of a unix socket: from the check for a listener until its own
// listener is there. Otherwise two processes that find the same left-over file would both remove it; the second one
// would remove the first one's new file, and both would believe that they listen.
//
// The claim is a lock on PATH.ramie-lock, a file that exists only while the lock is held:
//   1. opens or makes the file, and locks it; if that would have to wait, another process has the claim
//   2. checks that the name still stands for this file: its holder may have removed it in between; if so, begins again
//   3. holds the claim
//   4. removes the file while it holds the lock: so only a holder removes it, and a process whose locked file was
//      removed
//      notices that in 2
// If a process dies, its lock is gone; the next process takes over the file that is left.
//
// Only processes that follow this rule are kept apart: a program that binds without the claim may still come in
// between.
#pragma once

#include "ready/unique_fd.hpp"

#include <ramie/unix_endpoint.hpp>

#include <string>

namespace ramie::detail {

class socket_file_claim {
  public:
    // An unnamed or abstract socket has no file: its claim is granted at once.
    explicit socket_file_claim(unix_endpoint const& at);
    socket_file_claim(socket_file_claim const&) = delete;
    socket_file_claim& operator=(socket_file_claim const&) = delete;
    ~socket_file_claim();

    // 0: the claim is ours; -EADDRINUSE: another process has it and is about to listen; else -errno of the lock file.
    int answer() const noexcept { return answer_; }

  private:
    std::string path_;
    unique_fd lock_;
    int answer_ = 0;
};

}  // namespace ramie::detail
