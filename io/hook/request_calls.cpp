// Calls for which libc uses helper threads, or asks servers.
#include "hooked.hpp"

RAMIE_HOOKED_CALL(int, aio_suspend, (aiocb const* const requests[], int count, timespec const* timeout),
                  (requests, count, timeout))
RAMIE_EXPORTED int aio_suspend64(aiocb64 const* const requests[], int count, timespec const* timeout) noexcept {
    static_assert(sizeof(aiocb) == sizeof(aiocb64));
    return aio_suspend(reinterpret_cast<aiocb const* const*>(requests), count, timeout);
}
RAMIE_HOOKED_NOEXCEPT(int, lio_listio, (int mode, aiocb* const requests[], int count, sigevent* done),
                      (mode, requests, count, done))
RAMIE_EXPORTED int lio_listio64(int mode, aiocb64* const requests[], int count, sigevent* done) noexcept {
    return lio_listio(mode, reinterpret_cast<aiocb* const*>(requests), count, done);
}
RAMIE_HOOKED_CALL(int, gai_suspend, (gaicb const* const requests[], int count, timespec const* timeout),
                  (requests, count, timeout))
RAMIE_HOOKED_CALL(int, getaddrinfo_a, (int mode, gaicb* requests[], int count, sigevent* done),
                  (mode, requests, count, done))

RAMIE_HOOKED_CALL(hostent*, gethostbyaddr, (void const* address, socklen_t size, int family), (address, size, family))
RAMIE_HOOKED_CALL(int, gethostbyaddr_r,
                  (void const* address, socklen_t size, int family, hostent* into, char* buffer, size_t room,
                   hostent** found, int* error),
                  (address, size, family, into, buffer, room, found, error))

// Each also under the name that programs linked against an older libc use.
#define RAMIE_RESOLVER_CALL(name, parameters, arguments)                                                               \
    RAMIE_HOOKED_CALL(int, name, parameters, arguments)                                                                \
    RAMIE_EXPORTED int __##name parameters { return name arguments; }
using octets = unsigned char;
RAMIE_RESOLVER_CALL(res_query, (char const* name, int kind, int type, octets* answer, int room),
                    (name, kind, type, answer, room))
RAMIE_RESOLVER_CALL(res_search, (char const* name, int kind, int type, octets* answer, int room),
                    (name, kind, type, answer, room))
RAMIE_RESOLVER_CALL(res_querydomain,
                    (char const* name, char const* domain, int kind, int type, octets* answer, int room),
                    (name, domain, kind, type, answer, room))
RAMIE_RESOLVER_CALL(res_send, (octets const* question, int size, octets* answer, int room),
                    (question, size, answer, room))
RAMIE_RESOLVER_CALL(res_nquery, (res_state state, char const* name, int kind, int type, octets* answer, int room),
                    (state, name, kind, type, answer, room))
RAMIE_RESOLVER_CALL(res_nsearch, (res_state state, char const* name, int kind, int type, octets* answer, int room),
                    (state, name, kind, type, answer, room))
RAMIE_RESOLVER_CALL(res_nquerydomain,
                    (res_state state, char const* name, char const* domain, int kind, int type, octets* answer,
                     int room),
                    (state, name, domain, kind, type, answer, room))
RAMIE_RESOLVER_CALL(res_nsend, (res_state state, octets const* question, int size, octets* answer, int room),
                    (state, question, size, answer, room))

RAMIE_HOOKED_CALL(int, rcmd,
                  (char** host, unsigned short port, char const* local_user, char const* remote_user,
                   char const* command, int* errors),
                  (host, port, local_user, remote_user, command, errors))
RAMIE_HOOKED_CALL(int, rcmd_af,
                  (char** host, unsigned short port, char const* local_user, char const* remote_user,
                   char const* command, int* errors, sa_family_t family),
                  (host, port, local_user, remote_user, command, errors, family))
RAMIE_HOOKED_CALL(int, rexec,
                  (char** host, int port, char const* user, char const* password, char const* command, int* errors),
                  (host, port, user, password, command, errors))
RAMIE_HOOKED_CALL(int, rexec_af,
                  (char** host, int port, char const* user, char const* password, char const* command, int* errors,
                   sa_family_t family),
                  (host, port, user, password, command, errors, family))
