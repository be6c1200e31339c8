// The second part of libc_calls.hpp's list: calls that wait for files, children, messages, signals and requests.
#pragma once

#include <aio.h>
#include <fcntl.h>
#include <mqueue.h>
#include <netdb.h>
#include <resolv.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/msg.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/sendfile.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <threads.h>
#include <unistd.h>

#define RAMIE_LIBC_FILE_CALLS(X)                                                                                       \
    X(copy_file_range)                                                                                                 \
    X(flock) X(lockf) X(pread) X(preadv) X(preadv2) X(pwrite) X(pwritev) X(pwritev2) X(sendfile) X(splice) X(tee)      \
        X(vmsplice)
#define RAMIE_LIBC_CHILD_CALLS(X) X(pclose) X(system) X(wait4) X(waitid)
#define RAMIE_LIBC_MESSAGE_CALLS(X)                                                                                    \
    X(mq_receive)                                                                                                      \
    X(mq_send) X(mq_timedreceive) X(mq_timedsend) X(msgrcv) X(msgsnd) X(semop) X(semtimedop)
#define RAMIE_LIBC_SIGNAL_CALLS(X) X(pause) X(sigsuspend) X(sigtimedwait)
#define RAMIE_LIBC_REQUEST_CALLS(X)                                                                                    \
    X(aio_suspend)                                                                                                     \
    X(gai_suspend) X(getaddrinfo_a) X(gethostbyaddr) X(gethostbyaddr_r) X(lio_listio) X(rcmd) X(rcmd_af) X(res_nquery) \
        X(res_nquerydomain) X(res_nsearch) X(res_nsend) X(res_query) X(res_querydomain) X(res_search) X(res_send)      \
            X(rexec) X(rexec_af)

#define RAMIE_MORE_LIBC_CALLS(X)                                                                                       \
    X(epoll_pwait)                                                                                                     \
    X(epoll_pwait2) RAMIE_LIBC_FILE_CALLS(X) RAMIE_LIBC_CHILD_CALLS(X) RAMIE_LIBC_MESSAGE_CALLS(X)                     \
        RAMIE_LIBC_SIGNAL_CALLS(X) RAMIE_LIBC_REQUEST_CALLS(X)
