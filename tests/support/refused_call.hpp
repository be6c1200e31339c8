// A process that forbids itself a system call, as one that sandboxes itself does. Also for what it executes after that.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace ramie::testing {

// One of a call's arguments (the first is 0), by its lower half.
struct call_argument {
    unsigned number, value;
};

// From now on, in all threads of the process, that call (or only with that argument) fails with that error. False if this cannot be had.
inline bool refuse_call(int number, int error, std::optional<call_argument> only = std::nullopt) {
    auto const word = [](unsigned code, std::size_t value, unsigned char yes = 0, unsigned char no = 0) {
        return sock_filter{static_cast<unsigned short>(code), yes, no, static_cast<unsigned>(value)};
    };
    std::vector<sock_filter> filter{word(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
                                    word(BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::size_t>(number), 0, only ? 3 : 1)};
    if (only) {
        filter.push_back(word(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args) + only->number * sizeof(__u64)));
        filter.push_back(word(BPF_JMP | BPF_JEQ | BPF_K, only->value, 0, 1));
    }
    filter.push_back(word(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<unsigned>(error)));
    filter.push_back(word(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
    sock_fprog const program{static_cast<unsigned short>(filter.size()), filter.data()};
    return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) == 0;
}

}  // namespace ramie::testing
