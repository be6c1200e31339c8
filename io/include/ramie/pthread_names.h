/* A C program that is written for pthreads, or for C11's <threads.h>, on fibers: include this (or give it to the compiler by -include) where threads are
 * started, wrap main in ramie_run_as_threads, and link libramie and libramie-hook.
 *
 * Only what makes a thread is named here. What threads wait for (mutexes, conditions, semaphores, rwlocks, barriers,
 * pthread_once; mtx_t, cnd_t, call_once) parks by the hook as it is, and is shared with the threads that stay threads. pthread_kill, pthread_cancel,
 * pthread_sigmask and the like mean an OS thread: given one of these they do not compile.
 *
 * With RAMIE_C11_LOCKS defined, C11's mtx_t, cnd_t, once_flag, thrd_sleep and thrd_yield are Ramie's, too. Then what its threads wait
 * for needs no hook, and a program without blocking calls may wrap main in ramie_run. All code that shares such an object must be
 * compiled so.
 */
#ifndef RAMIE_PTHREAD_NAMES_H
#define RAMIE_PTHREAD_NAMES_H

#include <pthread.h>
#include <threads.h>
#include <signal.h> /* before the names: pthread_kill takes a pthread's own */
#include <ramie/ramie.h>

#ifdef __cplusplus
extern "C" {
#endif

/* As ramie_thread_create, with a pthread's attributes: the stack size, if one was set, and whether it is detached. */
int ramie_pthread_create(ramie_thread_t* thread, pthread_attr_t const* attr, void* (*f)(void*), void* arg);

#ifdef __cplusplus
}
#endif

#define pthread_t ramie_thread_t
#define pthread_create ramie_pthread_create
#define pthread_join ramie_thread_join
#define pthread_detach ramie_thread_detach
#define pthread_self ramie_thread_self
#define pthread_equal ramie_thread_equal
#define pthread_exit ramie_thread_exit
#define pthread_key_t ramie_key_t
#define pthread_key_create ramie_key_create
#define pthread_key_delete ramie_key_delete
#define pthread_setspecific ramie_setspecific
#define pthread_getspecific ramie_getspecific

#define thrd_t ramie_thread_t
#define thrd_create ramie_thrd_create
#define thrd_join ramie_thrd_join
#define thrd_detach ramie_thrd_detach
#define thrd_current ramie_thread_self
#define thrd_equal ramie_thread_equal
#define thrd_exit ramie_thrd_exit
#define tss_t ramie_key_t
#define tss_create ramie_tss_create
#define tss_delete ramie_tss_delete
#define tss_get ramie_getspecific
#define tss_set ramie_tss_set

#ifdef RAMIE_C11_LOCKS
#define mtx_t ramie_mtx_t
#define mtx_init ramie_mtx_init
#define mtx_destroy ramie_mtx_destroy
#define mtx_lock ramie_mtx_lock
#define mtx_timedlock ramie_mtx_timedlock
#define mtx_trylock ramie_mtx_trylock
#define mtx_unlock ramie_mtx_unlock
#define cnd_t ramie_cnd_t
#define cnd_init ramie_cnd_init
#define cnd_destroy ramie_cnd_destroy
#define cnd_wait ramie_cnd_wait
#define cnd_timedwait ramie_cnd_timedwait
#define cnd_signal ramie_cnd_signal
#define cnd_broadcast ramie_cnd_broadcast
#define once_flag ramie_once_t
#undef ONCE_FLAG_INIT
#define ONCE_FLAG_INIT RAMIE_ONCE_INIT
#define call_once ramie_call_once
#define thrd_sleep ramie_thrd_sleep
#define thrd_yield ramie_yield
#endif

#endif
