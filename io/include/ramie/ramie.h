/* Ramie for C: tasks in the shape of POSIX threads, and what they wait for.
 *
 *     int main(int argc, char** argv) { return ramie_run(serve, 0); }     // serve() and all it starts run as fibers
 *
 * A program that is written for pthreads need not be rewritten: <ramie/pthread_names.h>.
 *
 * Functions that return int return 0 or an error number, as pthread functions do; errno is left alone. ECANCELED: the task
 * was asked to stop (ramie_thread_abort, the end of the runtime); each further wait says so, too. ETIMEDOUT: a time limit
 * has passed, the call's own or one that C++ code set around it. Calls that wait park their fiber; on a plain thread they
 * block it. A wrong use that the C++ classes answer with an exception is EINVAL, EDEADLK or EPERM.
 */
#ifndef RAMIE_RAMIE_H
#define RAMIE_RAMIE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* Runs f(arg) as the first task of a runtime with the default options, and all it starts; ends when f has returned, as
 * main's return ends a process: tasks that are left are aborted. Returns f's result; -1 with a line on stderr: there could be
 * no runtime. Not inside a runtime. */
int ramie_run(int (*f)(void*), void* arg);
/* The same for code whose own blocking calls park, by libramie-hook (docs/porting.md); -1 with a line on stderr if that is not
 * in the process. Stacks are 1 MiB. If f ends by ramie_thread_exit, the others go on, and when the last has ended the result
 * is 0. */
int ramie_run_as_threads(int (*f)(void*), void* arg);

/* --- threads --- */

typedef struct ramie_thread* ramie_thread_t;

typedef struct ramie_thread_attr {
    size_t stack_size; /* bytes; 0: the runtime's */
    int detached;
    char const* name; /* for messages; may be null */
} ramie_thread_attr;

/* Starts f(arg) as a task. `attr` may be null. The caller is a fiber, or a plain thread while a runtime runs. EAGAIN: no
 * memory; EINVAL: stack_size; EPERM: no runtime runs. */
int ramie_thread_create(ramie_thread_t* thread, ramie_thread_attr const* attr, void* (*f)(void*), void* arg);
/* Waits for its end. `result` may be null; a task that was aborted before it could return has none: ECANCELED, and the thread
 * is joined all the same. EDEADLK: itself. Asked to stop while it waits, the caller gets ECANCELED, too, with the thread not
 * joined: ramie_thread_abort is the only way to tell, or the second call. */
int ramie_thread_join(ramie_thread_t thread, void** result);
/* It ends by itself; the handle must not be used any more, but by the thread itself. EINVAL: it was detached before. */
int ramie_thread_detach(ramie_thread_t thread);
/* Asks it to stop: its waits return ECANCELED from now on. */
int ramie_thread_abort(ramie_thread_t thread);
/* Never null. Of a fiber or thread that ramie_thread_create did not make it is only good for ramie_thread_equal. */
ramie_thread_t ramie_thread_self(void);
int ramie_thread_equal(ramie_thread_t a, ramie_thread_t b);
/* Ends the calling thread here: its frames are left as by a C++ exception. */
void ramie_thread_exit(void* result) __attribute__((noreturn));

/* ECANCELED, ETIMEDOUT, EINVAL (a time that is none). */
int ramie_sleep_ns(int64_t nanoseconds);
void ramie_yield(void);

/* --- values of each thread's own --- */

typedef unsigned ramie_key_t;
/* `destroy` may be null. It is called at a thread's end with a value that is not null, in rounds, as POSIX has it: at most four.
 * EAGAIN: there are 1024 keys. */
int ramie_key_create(ramie_key_t* key, void (*destroy)(void*));
int ramie_key_delete(ramie_key_t key);
int ramie_setspecific(ramie_key_t key, void const* value);
void* ramie_getspecific(ramie_key_t key);

/* --- C11's shapes of the above: as <threads.h> has them, with its thrd_success, thrd_nomem and thrd_error. A thread or key that one
 * shape made is good for the other. --- */

int ramie_thrd_create(ramie_thread_t* thread, int (*f)(void*), void* arg);
/* thrd_error also for a thread that was aborted before it could return. */
int ramie_thrd_join(ramie_thread_t thread, int* result);
int ramie_thrd_detach(ramie_thread_t thread);
void ramie_thrd_exit(int result) __attribute__((noreturn));
int ramie_tss_create(ramie_key_t* key, void (*destroy)(void*));
void ramie_tss_delete(ramie_key_t key);
int ramie_tss_set(ramie_key_t key, void* value);

/* --- what threads wait for: each may be made by its initialiser, or by its init function; destroy before the memory goes --- */

#define RAMIE_C_STORAGE(name, words) \
    typedef struct name {            \
        uint32_t made;               \
        uint32_t kind;               \
        uint64_t room[words];        \
    } name
RAMIE_C_STORAGE(ramie_mutex_t, 7);
RAMIE_C_STORAGE(ramie_cond_t, 4);
RAMIE_C_STORAGE(ramie_rwlock_t, 5);
RAMIE_C_STORAGE(ramie_sem_t, 6);
RAMIE_C_STORAGE(ramie_barrier_t, 7);
RAMIE_C_STORAGE(ramie_once_t, 5);
RAMIE_C_STORAGE(ramie_mtx_t, 8);
RAMIE_C_STORAGE(ramie_cnd_t, 4);
#undef RAMIE_C_STORAGE

#define RAMIE_MUTEX_INITIALIZER {0, 0, {0}}
#define RAMIE_RECURSIVE_MUTEX_INITIALIZER {0, 1, {0}}
#define RAMIE_COND_INITIALIZER {0, 0, {0}}
#define RAMIE_RWLOCK_INITIALIZER {0, 0, {0}}
#define RAMIE_ONCE_INIT {0, 0, {0}}

/* Locking is no abort point: it waits on. (A thread that holds a lock is on its way to unlock it.) EBUSY: try; ETIMEDOUT. */
int ramie_mutex_init(ramie_mutex_t* m, int recursive);
int ramie_mutex_destroy(ramie_mutex_t* m);
int ramie_mutex_lock(ramie_mutex_t* m);
int ramie_mutex_trylock(ramie_mutex_t* m);
int ramie_mutex_unlock(ramie_mutex_t* m);

/* With the mutex locked before and after, whatever is returned. */
int ramie_cond_init(ramie_cond_t* c);
int ramie_cond_destroy(ramie_cond_t* c);
int ramie_cond_wait(ramie_cond_t* c, ramie_mutex_t* m);
int ramie_cond_wait_for_ns(ramie_cond_t* c, ramie_mutex_t* m, int64_t nanoseconds);
int ramie_cond_signal(ramie_cond_t* c);
int ramie_cond_broadcast(ramie_cond_t* c);

int ramie_rwlock_init(ramie_rwlock_t* l);
int ramie_rwlock_destroy(ramie_rwlock_t* l);
int ramie_rwlock_rdlock(ramie_rwlock_t* l);
int ramie_rwlock_tryrdlock(ramie_rwlock_t* l);
int ramie_rwlock_wrlock(ramie_rwlock_t* l);
int ramie_rwlock_trywrlock(ramie_rwlock_t* l);
int ramie_rwlock_rdunlock(ramie_rwlock_t* l);
int ramie_rwlock_wrunlock(ramie_rwlock_t* l);

/* EAGAIN: trywait found none. EOVERFLOW. */
int ramie_sem_init(ramie_sem_t* s, size_t value);
int ramie_sem_destroy(ramie_sem_t* s);
int ramie_sem_wait(ramie_sem_t* s);
int ramie_sem_trywait(ramie_sem_t* s);
int ramie_sem_wait_for_ns(ramie_sem_t* s, int64_t nanoseconds);
int ramie_sem_post(ramie_sem_t* s);

/* wait: RAMIE_BARRIER_SERIAL_THREAD for one of each round, 0 for the others. */
#define RAMIE_BARRIER_SERIAL_THREAD (-1)
int ramie_barrier_init(ramie_barrier_t* b, unsigned count);
int ramie_barrier_destroy(ramie_barrier_t* b);
int ramie_barrier_wait(ramie_barrier_t* b);

/* f may wait. */
int ramie_once(ramie_once_t* o, void (*f)(void));

/* --- C11's shapes of these: as <threads.h> has them, with its mtx_plain, mtx_timed, mtx_recursive, thrd_success, thrd_busy,
 * thrd_timedout and thrd_error. Times are of the clock TIME_UTC. --- */

struct timespec;
int ramie_mtx_init(ramie_mtx_t* m, int type);
void ramie_mtx_destroy(ramie_mtx_t* m);
/* No abort points, as above. */
int ramie_mtx_lock(ramie_mtx_t* m);
int ramie_mtx_timedlock(ramie_mtx_t* m, struct timespec const* until);
int ramie_mtx_trylock(ramie_mtx_t* m);
int ramie_mtx_unlock(ramie_mtx_t* m);

/* thrd_error also if the task was asked to stop; with the mutex locked in any case. */
int ramie_cnd_init(ramie_cnd_t* c);
void ramie_cnd_destroy(ramie_cnd_t* c);
int ramie_cnd_wait(ramie_cnd_t* c, ramie_mtx_t* m);
int ramie_cnd_timedwait(ramie_cnd_t* c, ramie_mtx_t* m, struct timespec const* until);
int ramie_cnd_signal(ramie_cnd_t* c);
int ramie_cnd_broadcast(ramie_cnd_t* c);

/* A once_flag is made by RAMIE_ONCE_INIT. */
void ramie_call_once(ramie_once_t* o, void (*f)(void));

/* 0; less than -1: asked to stop, or no time. `left` may be null and is not written to: no handler ends it. */
int ramie_thrd_sleep(struct timespec const* duration, struct timespec* left);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
