/* A C program that knows only pthreads: so many threads use every primitive, and what a thread keeps for itself is looked at after
   each wait. Prints one line for each thing that is not as POSIX says, then how many threads there were, and the system's. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static pthread_mutex_t start_lock = PTHREAD_MUTEX_INITIALIZER, recursive = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static pthread_mutex_t checking = PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP;
static pthread_cond_t started = PTHREAD_COND_INITIALIZER;
static pthread_rwlock_t shared = PTHREAD_RWLOCK_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_barrier_t in_fours;
static pthread_spinlock_t spin;
static sem_t eight;
static pthread_key_t key;
static int is_open, onces, serials, destroyed, cleaned, wrong;
static long counted, spun;
static __thread long mine = 7;

static void say(char const* what) {
    if (__atomic_add_fetch(&wrong, 1, __ATOMIC_RELAXED) <= 10) printf("wrong: %s\n", what);
}
#define MUST(x) ((x) ? (void)0 : say(#x))

static void only_once(void) {
    usleep(1000);
    ++onces;
}
static void destroy(void* value) {
    MUST(mine == -1); /* a thread-local is still there */
    __atomic_add_fetch(&destroyed, 1, __ATOMIC_RELAXED);
    free(value);
}
static void clean(void* number) { __atomic_add_fetch((int*)number, 1, __ATOMIC_RELAXED); }

static void* body(void* argument) {
    long const id = (long)argument;
    MUST(mine == 7 && errno == 0);
    mine = id;
    pthread_t const self = pthread_self();
    MUST(pthread_once(&once, only_once) == 0 && onces == 1);
    int* const value = malloc(sizeof *value);
    *value = (int)id;
    MUST(pthread_getspecific(key) == NULL && pthread_setspecific(key, value) == 0);

    pthread_mutex_lock(&start_lock);
    while (!is_open) pthread_cond_wait(&started, &start_lock);
    pthread_mutex_unlock(&start_lock);

    for (int i = 0; i < 20; ++i) {
        errno = (int)(id % 100);
        if (i % 5 == 0) usleep(50);
        MUST(errno == id % 100);
        MUST(pthread_mutex_lock(&recursive) == 0 && pthread_mutex_lock(&recursive) == 0);
        long const before = counted;
        if (i % 10 == 0) sched_yield();
        counted = before + 1;
        MUST(pthread_mutex_unlock(&recursive) == 0 && pthread_mutex_unlock(&recursive) == 0);
        MUST(pthread_mutex_lock(&checking) == 0 && pthread_mutex_lock(&checking) == EDEADLK && pthread_mutex_unlock(&checking) == 0);
        MUST(i % 7 == 0 ? pthread_rwlock_wrlock(&shared) == 0 : pthread_rwlock_rdlock(&shared) == 0);
        MUST(pthread_rwlock_unlock(&shared) == 0);
        MUST(sem_wait(&eight) == 0);
        if (i % 10 == 0) usleep(10);
        MUST(sem_post(&eight) == 0);
        pthread_spin_lock(&spin);
        ++spun;
        pthread_spin_unlock(&spin);
        MUST(mine == id && pthread_equal(self, pthread_self()));
        MUST(*(int*)pthread_getspecific(key) == (int)id);
    }
    int const serial = pthread_barrier_wait(&in_fours);
    MUST(serial == 0 || serial == PTHREAD_BARRIER_SERIAL_THREAD);
    if (serial != 0) __atomic_add_fetch(&serials, 1, __ATOMIC_RELAXED);

    pthread_mutex_t own_lock = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t never = PTHREAD_COND_INITIALIZER;
    struct timespec soon;
    clock_gettime(CLOCK_REALTIME, &soon);
    soon.tv_nsec += 1000000;
    if (soon.tv_nsec >= 1000000000) soon.tv_nsec -= 1000000000, ++soon.tv_sec;
    pthread_mutex_lock(&own_lock);
    MUST(pthread_cond_timedwait(&never, &own_lock, &soon) == ETIMEDOUT);
    pthread_mutex_unlock(&own_lock);

    mine = -1;
    pthread_cleanup_push(clean, &cleaned);
    if (id % 2 != 0) pthread_exit((void*)(id * 2));
    pthread_cleanup_pop(1);
    return (void*)(id * 2);
}

static long system_threads(void) {
    FILE* const status = fopen("/proc/self/status", "r");
    char line[200];
    long count = 0;
    while (fgets(line, sizeof line, status) != NULL) sscanf(line, "Threads: %ld", &count);
    fclose(status);
    return count;
}

int main(int count, char** arguments) {
    long const n = count > 1 ? atol(arguments[1]) : 1000; /* a multiple of four */
    pthread_t* const threads = malloc((size_t)n * sizeof *threads);
    sem_init(&eight, 0, 8);
    pthread_barrier_init(&in_fours, NULL, 4);
    pthread_spin_init(&spin, PTHREAD_PROCESS_PRIVATE);
    pthread_key_create(&key, destroy);
    for (long i = 0; i < n; ++i) {
        if (pthread_create(threads + i, NULL, body, (void*)i) == 0) continue;
        printf("wrong: only %ld threads\n", i);
        return 1;
    }
    long const at_once = system_threads();
    pthread_mutex_lock(&start_lock);
    is_open = 1;
    pthread_cond_broadcast(&started);
    pthread_mutex_unlock(&start_lock);
    for (long i = 0; i < n; ++i) {
        void* result = NULL;
        MUST(pthread_join(threads[i], &result) == 0 && result == (void*)(i * 2));
    }
    MUST(mine == 7);
    MUST(counted == 20 * n && spun == 20 * n && serials == n / 4);
    MUST(onces == 1 && destroyed == n && cleaned == n);
    printf("%d wrong, %ld threads, %ld of the system\n", wrong, n, at_once);
    return wrong != 0;
}
