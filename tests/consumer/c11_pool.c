/* pthread_pool.c's like for <threads.h>, compiled twice as that is. */
#include <stdio.h>
#include <stdlib.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

enum { threads = 300 };
static mtx_t lock;
static cnd_t all_here, go;
static once_flag once = ONCE_FLAG_INIT;
static tss_t mine;
static int here, may_go, made_once, left, ends[2];

static void make(void) { ++made_once; }
static void leave(void *value) {
    free(value);
    mtx_lock(&lock);
    ++left;
    mtx_unlock(&lock);
}

static int worker(void *number) {
    int *const own = malloc(sizeof *own);
    *own = (int)(long)number;
    call_once(&once, make);
    if (tss_set(mine, own) != thrd_success) return -1;
    mtx_lock(&lock);
    if (++here == threads) cnd_signal(&all_here);
    while (!may_go) cnd_wait(&go, &lock);
    mtx_unlock(&lock);
    char byte;
    if (read(ends[0], &byte, 1) != 1) return -1;
    thrd_sleep(&(struct timespec){0, 1000}, NULL);
    thrd_yield();
    if (!thrd_equal(thrd_current(), thrd_current())) return -1;
    if (*own % 2 == 0) thrd_exit(*(int *)tss_get(mine));
    return *own;
}
static int detached(void *unused) {
    (void)unused;
    return write(ends[1], "x", 1) == 1 ? 0 : 1;
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
    thrd_t all[threads], one;
    long sum = 0;
    (void)unused;
    if (pipe(ends) != 0 || mtx_init(&lock, mtx_plain) != thrd_success || cnd_init(&all_here) != thrd_success ||
        cnd_init(&go) != thrd_success || tss_create(&mine, leave) != thrd_success)
        return 1;
    for (long i = 0; i < threads; ++i)
        if (thrd_create(&all[i], worker, (void *)i) != thrd_success) return 2;
    mtx_lock(&lock);
    while (here < threads) cnd_wait(&all_here, &lock);
    may_go = 1;
    cnd_broadcast(&go);
    mtx_unlock(&lock);
    const int of_the_system = os_threads();
    for (int i = 0; i < threads; ++i)
        if (thrd_create(&one, detached, NULL) != thrd_success || thrd_detach(one) != thrd_success) return 3;
    for (int i = 0; i < threads; ++i) {
        int said = 0;
        if (thrd_join(all[i], &said) != thrd_success) return 4;
        sum += said;
    }
    tss_delete(mine);
    printf("%ld, %d left, made %d times, %s OS threads\n", sum, left, made_once, of_the_system > threads / 2 ? "many" : "few");
    return 0;
}
