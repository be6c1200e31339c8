// ramie::posix for calls for which libc uses helper threads, or asks servers: asynchronous I/O, look-ups, the resolver.
// All that posix.hpp says holds here too.
#pragma once

#include <ramie/detail/ground/language.hpp>

#include <cstdint>

#include <aio.h>
#include <netdb.h>
#include <resolv.h>
#include <sys/types.h>

namespace ramie::posix {

// On the blocking pool (posix_files.hpp), unless the answer is there at once. An abort ends the wait, not the requests.
RAMIE_API int aio_suspend(aiocb const* const requests[], int count, timespec const* timeout);
// LIO_NOWAIT never waits.
RAMIE_API int lio_listio(int mode, aiocb* const requests[], int count, sigevent* done);
// On abort: EAI_INTR, and errno is ECANCELED.
RAMIE_API int gai_suspend(gaicb const* const requests[], int count, timespec const* timeout);
// GAI_NOWAIT never waits.
RAMIE_API int getaddrinfo_a(int mode, gaicb* requests[], int count, sigevent* done);

// On the blocking pool. They wait for the answer in any case, since it goes into the caller's memory, or into libc's.
RAMIE_API hostent* gethostbyaddr(void const* address, socklen_t size, int family);
RAMIE_API int gethostbyaddr_r(void const* address, socklen_t size, int family, hostent* into, char* buffer,
                              std::size_t room, hostent** found, int* error);
// The settings in the calling thread's `_res` count.
RAMIE_API int res_query(char const* name, int kind, int type, std::uint8_t* answer, int room);
RAMIE_API int res_search(char const* name, int kind, int type, std::uint8_t* answer, int room);
RAMIE_API int res_querydomain(char const* name, char const* domain, int kind, int type, std::uint8_t* answer, int room);
RAMIE_API int res_send(std::uint8_t const* question, int size, std::uint8_t* answer, int room);
RAMIE_API int res_nquery(res_state state, char const* name, int kind, int type, std::uint8_t* answer, int room);
RAMIE_API int res_nsearch(res_state state, char const* name, int kind, int type, std::uint8_t* answer, int room);
RAMIE_API int res_nquerydomain(res_state state, char const* name, char const* domain, int kind, int type,
                               std::uint8_t* answer, int room);
RAMIE_API int res_nsend(res_state state, std::uint8_t const* question, int size, std::uint8_t* answer, int room);
RAMIE_API int rcmd(char** host, unsigned short port, char const* local_user, char const* remote_user,
                   char const* command, int* errors);
RAMIE_API int rcmd_af(char** host, unsigned short port, char const* local_user, char const* remote_user,
                      char const* command, int* errors, sa_family_t family);
RAMIE_API int rexec(char** host, int port, char const* user, char const* password, char const* command, int* errors);
RAMIE_API int rexec_af(char** host, int port, char const* user, char const* password, char const* command, int* errors,
                       sa_family_t family);

}  // namespace ramie::posix
