// One process at a time may take the file of a unix socket: from the look whether somebody is behind it until somebody
// is. Else two that find a left-over file at once would both remove it, one of them the other's new one, and both
// believe that they listen.
//
// The claim is a lock on PATH.ramie-lock, a file that is there only as long as it is held:
//   1. opens or makes the file, and locks it; if that would have to wait, somebody else has the claim
//   2. looks whether the name still stands for this file: between the two its holder may have removed it; then again
//   3. holds the claim
//   4. removes the file, while the lock is held: so only a holder removes it, and nobody holds one that was removed
//      except for the moment until 2
// A process that dies loses the lock; the file that is left then is taken over by the next.
//
// It is a rule among those who keep it: a program that binds without one may still come in between.
#pragma once

#include "ready/unique_fd.hpp"

#include <ramie/unix_endpoint.hpp>

#include <string>

namespace ramie::detail {

class socket_file_claim {
  public:
    // An unnamed or abstract socket has no file: nothing to be claimed, and had.
    explicit socket_file_claim(unix_endpoint const& at);
    socket_file_claim(socket_file_claim const&) = delete;
    socket_file_claim& operator=(socket_file_claim const&) = delete;
    ~socket_file_claim();

    // 0: it is ours; -EADDRINUSE: somebody else has it, who is about to be there; else -errno of the lock file.
    int answer() const noexcept { return answer_; }

  private:
    std::string path_;
    unique_fd lock_;
    int answer_ = 0;
};

}  // namespace ramie::detail
