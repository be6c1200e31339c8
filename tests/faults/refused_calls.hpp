// A child whose system calls, of one kind, pass by its parent one at a time: the n-th is refused without being made, and the others
// go on as if nobody had looked. All threads of the child are counted together, whoever makes the call: Ramie, libc, libuv. (By
// seccomp's notifications; strace, which the scripts here use, counts each thread by itself and costs more than a child's whole run.)
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <linux/seccomp.h>

namespace ramie::testing {

// What the kernel might have said in that place, or the test proves nothing (traced_server.py has the list).
struct refusal {
    std::vector<int> calls;                               // their numbers
    bool (*concerns)(seccomp_data const&) = nullptr;      // by their arguments; null: all of them
    int error = 0;
    std::size_t n = 0;         // the first that is refused, from 1; 0: none, they are only counted
    bool all_from_there = false;
};

// What the child can know of it.
struct refused_so_far {
    std::atomic<unsigned> count{0};
};

struct refused_end {
    int status = 0;
    std::string output;     // stdout and stderr
    unsigned refused = 0;
    std::size_t calls = 0;  // how many there were
    std::string hangs;      // it had to be killed: what its threads were doing
    bool exited_with(int code) const;
};

// Runs f in such a child; it leaves by _exit(f()). None: not here (no seccomp, or one that cannot notify); says why on stderr.
std::optional<refused_end> run_refused(refusal const&, std::function<int(refused_so_far const&)> const& f);

}  // namespace ramie::testing
