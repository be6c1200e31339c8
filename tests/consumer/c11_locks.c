/* C11's locks and conditions, and nothing else that waits: compiled for glibc's threads, and for tasks without the hook. */
#include <stdio.h>
#include <stdlib.h>
#include <threads.h>
#include <time.h>

#define CHECK(what) ((what) ? (void)0 : (printf("line %d: not so: %s\n", __LINE__, #what), exit(1)))

enum { threads = 200, times = 20, rounds = 50 };
static mtx_t lock, again, timed;
static cnd_t changed, all_here;
static once_flag once = ONCE_FLAG_INIT;
static int count, made_once, turn, here, may_go;

static struct timespec in_ms(long ms) {
    struct timespec now;
    timespec_get(&now, TIME_UTC);
    now.tv_nsec += ms * 1000000;
    now.tv_sec += now.tv_nsec / 1000000000;
    now.tv_nsec %= 1000000000;
    return now;
}

static int os_threads(void) {
    FILE *const status = fopen("/proc/self/status", "r");
    char line[256];
    int found = 0;
    while (fgets(line, sizeof line, status)) sscanf(line, "Threads: %d", &found);
    fclose(status);
    return found;
}

static void make(void) {
    thrd_yield();
    ++made_once;
}

static int adds(void *unused) {
    (void)unused;
    call_once(&once, make);
    for (int i = 0; i < times; ++i) {
        CHECK(mtx_lock(&lock) == thrd_success);
        const int before = count;
        if (i == times / 2) thrd_yield();
        count = before + 1;
        CHECK(mtx_unlock(&lock) == thrd_success);
    }
    mtx_lock(&lock);
    if (++here == threads) CHECK(cnd_signal(&all_here) == thrd_success);
    while (!may_go) CHECK(cnd_wait(&changed, &lock) == thrd_success);
    mtx_unlock(&lock);
    return 0;
}

static int takes_turns(void *unused) {
    (void)unused;
    for (int i = 0; i < rounds; ++i) {
        mtx_lock(&timed);
        while (turn % 2 == 0) {
            const struct timespec limit = in_ms(60000);
            CHECK(cnd_timedwait(&changed, &timed, &limit) == thrd_success);
        }
        ++turn;
        CHECK(cnd_broadcast(&changed) == thrd_success);
        mtx_unlock(&timed);
    }
    return 0;
}

static int tries(void *unused) {
    const struct timespec soon = in_ms(2), no_time = {0, 1000000000};
    (void)unused;
    CHECK(mtx_trylock(&timed) == thrd_busy && mtx_timedlock(&timed, &soon) == thrd_timedout);
    CHECK(mtx_trylock(&again) == thrd_busy && mtx_timedlock(&again, &soon) == thrd_timedout);
    CHECK(mtx_timedlock(&timed, &no_time) == thrd_error);
    return 0;
}

int old_main(void *unused) {
    thrd_t all[threads], one;
    (void)unused;
    CHECK(mtx_init(&lock, mtx_plain) == thrd_success && mtx_init(&timed, mtx_timed) == thrd_success);
    CHECK(mtx_init(&again, mtx_timed | mtx_recursive) == thrd_success);
    CHECK(cnd_init(&changed) == thrd_success && cnd_init(&all_here) == thrd_success);

    for (int i = 0; i < threads; ++i) CHECK(thrd_create(&all[i], adds, NULL) == thrd_success);
    mtx_lock(&lock);
    while (here < threads) cnd_wait(&all_here, &lock);
    const int of_the_system = os_threads();
    may_go = 1;
    cnd_broadcast(&changed);
    mtx_unlock(&lock);
    for (int i = 0; i < threads; ++i) CHECK(thrd_join(all[i], NULL) == thrd_success);
    CHECK(made_once == 1);

    CHECK(thrd_create(&one, takes_turns, NULL) == thrd_success);
    for (int i = 0; i < rounds; ++i) {
        const struct timespec limit = in_ms(60000);
        CHECK(mtx_timedlock(&timed, &limit) == thrd_success);
        while (turn % 2 == 1) cnd_wait(&changed, &timed);
        ++turn;
        cnd_broadcast(&changed);
        mtx_unlock(&timed);
    }
    CHECK(thrd_join(one, NULL) == thrd_success);

    CHECK(mtx_lock(&again) == thrd_success && mtx_trylock(&again) == thrd_success && mtx_trylock(&timed) == thrd_success);
    CHECK(thrd_create(&one, tries, NULL) == thrd_success && thrd_join(one, NULL) == thrd_success);
    const struct timespec past = {1, 0}, soon = in_ms(2);
    CHECK(cnd_timedwait(&changed, &timed, &past) == thrd_timedout && cnd_timedwait(&changed, &timed, &soon) == thrd_timedout);
    CHECK(mtx_unlock(&timed) == thrd_success && mtx_unlock(&again) == thrd_success && mtx_unlock(&again) == thrd_success);
    CHECK(thrd_sleep(&(struct timespec){0, 1000}, NULL) == 0 && thrd_sleep(&(struct timespec){0, -1}, NULL) < -1);

    mtx_destroy(&lock), mtx_destroy(&timed), mtx_destroy(&again);
    cnd_destroy(&changed), cnd_destroy(&all_here);
    printf("C11's locks: %d, %d turns, %s OS threads\n", count, turn, of_the_system > threads / 2 ? "many" : "few");
    return 0;
}
