// A process that forbids itself a system call, as one that sandboxes itself does.
#pragma once

#include <cstddef>

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace ramie::testing {

// From now on, in all threads of the process, that call fails with that error. False if this cannot be had.
inline bool refuse_call(int number, int error) {
    auto const word = [](unsigned code, std::size_t value, unsigned char yes = 0, unsigned char no = 0) {
        return sock_filter{static_cast<unsigned short>(code), yes, no, static_cast<unsigned>(value)};
    };
    sock_filter filter[] = {
        word(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        word(BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::size_t>(number), 0, 1),
        word(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<unsigned>(error)),
        word(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    sock_fprog const program{sizeof filter / sizeof filter[0], filter};
    return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) == 0;
}

}  // namespace ramie::testing
