// ramie::posix for System V and POSIX message queues, and for System V semaphores. All that posix.hpp says holds here
// too. (POSIX's sem_t is no system call: ramie::semaphore.)
#pragma once

#include <ramie/detail/ground/language.hpp>

#include <cstddef>
#include <ctime>

#include <mqueue.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/types.h>

namespace ramie::posix {

// Tried in place, then on the blocking pool, where an abort interrupts them (posix_files.hpp): no message is lost. With
// IPC_NOWAIT they never wait.
RAMIE_API ssize_t msgrcv(int queue, void* message, std::size_t size, long type, int flags);
RAMIE_API int msgsnd(int queue, void const* message, std::size_t size, int flags);
RAMIE_API int semop(int set, sembuf* operations, std::size_t count);
RAMIE_API int semtimedop(int set, sembuf* operations, std::size_t count, timespec const* timeout);

// Park: on Linux a queue is a descriptor that can be polled.
RAMIE_API ssize_t mq_receive(mqd_t queue, char* into, std::size_t size, unsigned* priority);
RAMIE_API ssize_t mq_timedreceive(mqd_t queue, char* into, std::size_t size, unsigned* priority, timespec const* until);
RAMIE_API int mq_send(mqd_t queue, char const* from, std::size_t size, unsigned priority);
RAMIE_API int mq_timedsend(mqd_t queue, char const* from, std::size_t size, unsigned priority, timespec const* until);

}  // namespace ramie::posix
