// Messages and semaphores between processes.
#include "hooked.hpp"

RAMIE_HOOKED_CALL(ssize_t, msgrcv, (int queue, void* message, size_t size, long type, int flags),
                  (queue, message, size, type, flags))
RAMIE_HOOKED_CALL(int, msgsnd, (int queue, void const* message, size_t size, int flags), (queue, message, size, flags))
RAMIE_HOOKED_NOEXCEPT(int, semop, (int set, sembuf* operations, size_t count), (set, operations, count))
RAMIE_HOOKED_NOEXCEPT(int, semtimedop, (int set, sembuf* operations, size_t count, timespec const* timeout),
                      (set, operations, count, timeout))
RAMIE_HOOKED_CALL(ssize_t, mq_receive, (mqd_t queue, char* into, size_t size, unsigned* priority),
                  (queue, into, size, priority))
RAMIE_HOOKED_CALL(ssize_t, mq_timedreceive,
                  (mqd_t queue, char* into, size_t size, unsigned* priority, timespec const* until),
                  (queue, into, size, priority, until))
RAMIE_HOOKED_CALL(int, mq_send, (mqd_t queue, char const* from, size_t size, unsigned priority),
                  (queue, from, size, priority))
RAMIE_HOOKED_CALL(int, mq_timedsend,
                  (mqd_t queue, char const* from, size_t size, unsigned priority, timespec const* until),
                  (queue, from, size, priority, until))
