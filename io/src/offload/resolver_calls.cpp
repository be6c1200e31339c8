// libc's resolver, and the look-ups that are not in names.cpp.
#include "libc/libc_calls.hpp"
#include "offload/answer_on_pool.hpp"

#include <ramie/posix_requests.hpp>

#include <csignal>
#include <cstring>

namespace ramie {

using detail::answer_on_pool;
using detail::calling_fiber;
using detail::libc;

namespace {

// call(state) on the pool. The resolver's state belongs to the thread: the pool thread's state gets the settings of the
// caller's.
template <class Call>
int with_own_state(detail::waiter& self, Call&& call) noexcept {
    auto const& callers = _res;
    return answer_on_pool(self, [&] {
        struct __res_state mine {};
        if (::res_ninit(&mine) != 0) {
            h_errno = NETDB_INTERNAL;
            return -1;
        }
        if ((callers.options & RES_INIT) != 0) {
            mine.options = callers.options;
            mine.retrans = callers.retrans;
            mine.retry = callers.retry;
            mine.ndots = callers.ndots;
            mine.nscount = callers.nscount;
            std::memcpy(mine.nsaddr_list, callers.nsaddr_list, sizeof mine.nsaddr_list);
            std::memcpy(mine.defdname, callers.defdname, sizeof mine.defdname);
            for (int i = 0; i < MAXDNSRCH + 1; ++i) {  // these point into defdname
                auto const* const from = callers.dnsrch[i];
                mine.dnsrch[i] = from != nullptr ? mine.defdname + (from - callers.defdname) : nullptr;
            }
        }
        auto const result = call(&mine);
        auto const error = errno;
        h_errno = mine.res_h_errno;
        ::res_nclose(&mine);
        errno = error;
        return result;
    });
}

// For calls that give up when a signal interrupts a step: on the pool no signal does.
template <class Call>
int without_signals(Call&& call) noexcept {
    sigset_t all, before;
    ::sigfillset(&all);
    for (int const fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT}) ::sigdelset(&all, fault);
    ::pthread_sigmask(SIG_BLOCK, &all, &before);
    auto const result = call();
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return result;
}

template <class Call>
auto on_pool_for_fibers(Call&& call) noexcept {
    auto* const self = calling_fiber();
    return self == nullptr ? call() : answer_on_pool(*self, call);
}

// For calls that look up, connect and read.
template <class Call>
int remotely(Call&& call) noexcept {
    auto* const self = calling_fiber();
    return self == nullptr ? call() : answer_on_pool(*self, [&] { return without_signals(call); });
}

}  // namespace

int posix::res_query(char const* name, int kind, int type, std::uint8_t* answer, int room) {
    auto* const self = calling_fiber();
    if (self == nullptr) return libc().res_query(name, kind, type, answer, room);
    return with_own_state(*self,
                          [=](res_state state) { return libc().res_nquery(state, name, kind, type, answer, room); });
}

int posix::res_search(char const* name, int kind, int type, std::uint8_t* answer, int room) {
    auto* const self = calling_fiber();
    if (self == nullptr) return libc().res_search(name, kind, type, answer, room);
    return with_own_state(*self,
                          [=](res_state state) { return libc().res_nsearch(state, name, kind, type, answer, room); });
}

int posix::res_querydomain(char const* name, char const* domain, int kind, int type, std::uint8_t* answer, int room) {
    auto* const self = calling_fiber();
    if (self == nullptr) return libc().res_querydomain(name, domain, kind, type, answer, room);
    return with_own_state(*self, [=](res_state state) {
        return libc().res_nquerydomain(state, name, domain, kind, type, answer, room);
    });
}

int posix::res_send(std::uint8_t const* question, int size, std::uint8_t* answer, int room) {
    auto* const self = calling_fiber();
    if (self == nullptr) return libc().res_send(question, size, answer, room);
    return with_own_state(*self,
                          [=](res_state state) { return libc().res_nsend(state, question, size, answer, room); });
}

int posix::res_nquery(res_state state, char const* name, int kind, int type, std::uint8_t* answer, int room) {
    return on_pool_for_fibers([=] { return libc().res_nquery(state, name, kind, type, answer, room); });
}
int posix::res_nsearch(res_state state, char const* name, int kind, int type, std::uint8_t* answer, int room) {
    return on_pool_for_fibers([=] { return libc().res_nsearch(state, name, kind, type, answer, room); });
}
int posix::res_nquerydomain(res_state state, char const* name, char const* domain, int kind, int type,
                            std::uint8_t* answer, int room) {
    return on_pool_for_fibers([=] { return libc().res_nquerydomain(state, name, domain, kind, type, answer, room); });
}
int posix::res_nsend(res_state state, std::uint8_t const* question, int size, std::uint8_t* answer, int room) {
    return on_pool_for_fibers([=] { return libc().res_nsend(state, question, size, answer, room); });
}

hostent* posix::gethostbyaddr(void const* address, socklen_t size, int family) {
    return on_pool_for_fibers([=] { return libc().gethostbyaddr(address, size, family); });
}
int posix::gethostbyaddr_r(void const* address, socklen_t size, int family, hostent* into, char* buffer,
                           std::size_t room, hostent** found, int* error) {
    return on_pool_for_fibers(
        [=] { return libc().gethostbyaddr_r(address, size, family, into, buffer, room, found, error); });
}

int posix::rcmd(char** host, unsigned short port, char const* local_user, char const* remote_user, char const* command,
                int* errors) {
    return remotely([=] { return libc().rcmd(host, port, local_user, remote_user, command, errors); });
}
int posix::rcmd_af(char** host, unsigned short port, char const* local_user, char const* remote_user,
                   char const* command, int* errors, sa_family_t family) {
    return remotely(
        [=] { return libc().rcmd_af(host, port, local_user, remote_user, command, errors, family); });
}
int posix::rexec(char** host, int port, char const* user, char const* password, char const* command, int* errors) {
    return remotely([=] { return libc().rexec(host, port, user, password, command, errors); });
}
int posix::rexec_af(char** host, int port, char const* user, char const* password, char const* command, int* errors,
                    sa_family_t family) {
    return remotely([=] { return libc().rexec_af(host, port, user, password, command, errors, family); });
}

}  // namespace ramie
