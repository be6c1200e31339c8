/* As civetweb does it: a pool of threads that wait for work on a pthread_cond_t. It knows nothing of Ramie; the program is
 * compiled twice, once with -include ramie/pthread_names.h. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { threads = 500, jobs = 5000 };
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t work = PTHREAD_COND_INITIALIZER, all_here = PTHREAD_COND_INITIALIZER;
static pthread_key_t done_by;
static int queued, closed, here, done, seats_left, ends[2];

static void leave(void *seat) {
    free(seat);
    pthread_mutex_lock(&lock);
    --seats_left;
    pthread_mutex_unlock(&lock);
}

static void *worker(void *unused) {
    int *const mine = calloc(1, sizeof *mine);
    pthread_setspecific(done_by, mine);
    pthread_mutex_lock(&lock);
    if (++here == threads) pthread_cond_signal(&all_here);
    for (;;) {
        while (queued == 0 && !closed) pthread_cond_wait(&work, &lock);
        if (queued == 0) break;
        --queued;
        pthread_mutex_unlock(&lock);
        char byte = 0;
        if (read(ends[0], &byte, 1) == 1 && byte == 'x') ++*(int *)pthread_getspecific(done_by);
        pthread_mutex_lock(&lock);
        ++done;
    }
    pthread_mutex_unlock(&lock);
    if (unused == NULL) pthread_exit(mine);
    return NULL;
}

static int os_threads(void) {
    FILE *const status = fopen("/proc/self/status", "r");
    char line[256];
    int count = 0;
    while (fgets(line, sizeof line, status)) sscanf(line, "Threads: %d", &count);
    fclose(status);
    return count;
}

int old_main(void *unused) {
    pthread_t all[threads];
    (void)unused;
    if (pipe(ends) != 0 || pthread_key_create(&done_by, leave) != 0) return 1;
    seats_left = threads;
    for (int i = 0; i < threads; ++i)
        if (pthread_create(&all[i], NULL, worker, NULL) != 0) return 2;
    pthread_mutex_lock(&lock);
    while (here < threads) pthread_cond_wait(&all_here, &lock);
    pthread_mutex_unlock(&lock);
    const int of_the_system = os_threads();
    for (int i = 0; i < jobs; ++i) {
        pthread_mutex_lock(&lock);
        ++queued;
        pthread_cond_signal(&work);
        pthread_mutex_unlock(&lock);
        if (write(ends[1], "x", 1) != 1) return 3;
    }
    pthread_mutex_lock(&lock);
    closed = 1;
    pthread_cond_broadcast(&work);
    pthread_mutex_unlock(&lock);
    for (int i = 0; i < threads; ++i)
        if (pthread_join(all[i], NULL) != 0) return 4;
    printf("%d jobs, %d seats left, %s OS threads\n", done, seats_left, of_the_system > threads / 2 ? "many" : "few");
    return 0;
}
