/* What <ramie/ramie.h> promises a C program. Ends with 0, or says what is not so. */
#include <errno.h>
#include <ramie/ramie.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(what) ((what) ? (void)0 : (printf("line %d: not so: %s\n", __LINE__, #what), exit(1)))

static const int64_t ms = 1000000;
static ramie_mutex_t lock = RAMIE_MUTEX_INITIALIZER;
static ramie_cond_t changed = RAMIE_COND_INITIALIZER;
static ramie_sem_t permits;
static ramie_barrier_t meeting;
static ramie_rwlock_t book = RAMIE_RWLOCK_INITIALIZER;
static ramie_once_t first = RAMIE_ONCE_INIT;
static ramie_key_t key;
static int count, made_once, destroyed;

static void *adds(void *times) {
    for (long i = 0; i < (long)times; ++i) {
        CHECK(ramie_mutex_lock(&lock) == 0);
        const int before = count;
        if (i % 16 == 0) ramie_yield();
        count = before + 1;
        CHECK(ramie_mutex_unlock(&lock) == 0);
    }
    return times;
}

static void create_join_and_mutex(void) {
    enum { threads = 100, times = 200 };
    ramie_thread_t all[threads];
    for (int i = 0; i < threads; ++i) CHECK(ramie_thread_create(&all[i], NULL, adds, (void *)(long)times) == 0);
    for (int i = 0; i < threads; ++i) {
        void *result = NULL;
        CHECK(ramie_thread_join(all[i], &result) == 0 && result == (void *)(long)times);
    }
    CHECK(count == threads * times);
    CHECK(ramie_mutex_trylock(&lock) == 0 && ramie_mutex_trylock(&lock) == EBUSY && ramie_mutex_unlock(&lock) == 0);
    ramie_mutex_t again = RAMIE_RECURSIVE_MUTEX_INITIALIZER;
    CHECK(ramie_mutex_lock(&again) == 0 && ramie_mutex_lock(&again) == 0);
    CHECK(ramie_mutex_unlock(&again) == 0 && ramie_mutex_unlock(&again) == 0 && ramie_mutex_destroy(&again) == 0);
}

static void *fills(void *unused) {
    for (int i = 0; i < 3; ++i) {
        CHECK(ramie_mutex_lock(&lock) == 0);
        ++count;
        CHECK(ramie_cond_signal(&changed) == 0 && ramie_mutex_unlock(&lock) == 0);
        ramie_yield();
    }
    return unused;
}

static void conditions(void) {
    count = 0;
    ramie_thread_t filler;
    CHECK(ramie_mutex_lock(&lock) == 0);
    CHECK(ramie_cond_wait_for_ns(&changed, &lock, ms) == ETIMEDOUT);
    CHECK(ramie_thread_create(&filler, NULL, fills, NULL) == 0);
    while (count < 3) CHECK(ramie_cond_wait(&changed, &lock) == 0);
    CHECK(ramie_mutex_unlock(&lock) == 0 && ramie_thread_join(filler, NULL) == 0);
}

static void *posts(void *unused) { return CHECK(ramie_sem_post(&permits) == 0), unused; }

static void semaphores(void) {
    CHECK(ramie_sem_init(&permits, 1) == 0);
    CHECK(ramie_sem_wait(&permits) == 0 && ramie_sem_trywait(&permits) == EAGAIN);
    CHECK(ramie_sem_wait_for_ns(&permits, ms) == ETIMEDOUT);
    ramie_thread_t poster;
    CHECK(ramie_thread_create(&poster, NULL, posts, NULL) == 0);
    CHECK(ramie_sem_wait(&permits) == 0 && ramie_thread_join(poster, NULL) == 0);
    CHECK(ramie_sem_init(&permits, SIZE_MAX) == EINVAL);
}

static void *meets(void *serials) {
    if (ramie_barrier_wait(&meeting) == RAMIE_BARRIER_SERIAL_THREAD) __atomic_add_fetch((int *)serials, 1, __ATOMIC_RELAXED);
    return NULL;
}

static void barriers(void) {
    int serials = 0;
    ramie_thread_t all[5];
    CHECK(ramie_barrier_init(&meeting, 0) == EINVAL && ramie_barrier_init(&meeting, 5) == 0);
    for (int i = 0; i < 5; ++i) CHECK(ramie_thread_create(&all[i], NULL, meets, &serials) == 0);
    for (int i = 0; i < 5; ++i) CHECK(ramie_thread_join(all[i], NULL) == 0);
    CHECK(serials == 1 && ramie_barrier_destroy(&meeting) == 0);
}

static void *tries_to_write(void *unused) {
    return (void)unused, (void *)(long)ramie_rwlock_trywrlock(&book);
}

static void rwlocks(void) {
    ramie_thread_t writer;
    void *said = NULL;
    CHECK(ramie_rwlock_rdlock(&book) == 0 && ramie_rwlock_tryrdlock(&book) == 0);
    CHECK(ramie_thread_create(&writer, NULL, tries_to_write, NULL) == 0 && ramie_thread_join(writer, &said) == 0);
    CHECK(said == (void *)(long)EBUSY);
    CHECK(ramie_rwlock_rdunlock(&book) == 0 && ramie_rwlock_rdunlock(&book) == 0);
    CHECK(ramie_rwlock_wrlock(&book) == 0 && ramie_rwlock_tryrdlock(&book) == EBUSY && ramie_rwlock_wrunlock(&book) == 0);
    CHECK(ramie_rwlock_destroy(&book) == 0);
}

static void make_once(void) {
    ramie_yield();
    ++made_once;
}
static void *comes_first(void *unused) { return CHECK(ramie_once(&first, make_once) == 0), unused; }

static void once(void) {
    ramie_thread_t all[10];
    for (int i = 0; i < 10; ++i) CHECK(ramie_thread_create(&all[i], NULL, comes_first, NULL) == 0);
    for (int i = 0; i < 10; ++i) CHECK(ramie_thread_join(all[i], NULL) == 0);
    CHECK(made_once == 1);
}

static void destroys(void *value) {
    if (++destroyed < 3) CHECK(ramie_setspecific(key, value) == 0); /* a further round */
}
static void *has_a_value(void *value) {
    CHECK(ramie_getspecific(key) == NULL);
    CHECK(ramie_setspecific(key, value) == 0);
    ramie_yield();
    CHECK(ramie_getspecific(key) == value);
    return NULL;
}
static void *sets_for_ever(void *value) { return destroyed = -1000, has_a_value(value); }

static void keys(void) {
    ramie_thread_t one, two;
    int a, b;
    CHECK(ramie_key_create(&key, NULL) == 0);
    CHECK(ramie_thread_create(&one, NULL, has_a_value, &a) == 0 && ramie_thread_create(&two, NULL, has_a_value, &b) == 0);
    CHECK(ramie_thread_join(one, NULL) == 0 && ramie_thread_join(two, NULL) == 0);
    CHECK(ramie_getspecific(key) == NULL && ramie_setspecific(key, &a) == 0 && ramie_key_delete(key) == 0);
    CHECK(ramie_key_delete(key) == EINVAL && ramie_setspecific(key, &a) == EINVAL);
    CHECK(ramie_key_create(&key, destroys) == 0);
    CHECK(ramie_getspecific(key) == NULL); /* the old key's value, under the same number, is not the new one's */
    CHECK(ramie_thread_create(&one, NULL, has_a_value, &a) == 0 && ramie_thread_join(one, NULL) == 0 && destroyed == 3);
    CHECK(ramie_thread_create(&one, NULL, sets_for_ever, &a) == 0 && ramie_thread_join(one, NULL) == 0);
    CHECK(destroyed == -1000 + 4 && ramie_key_delete(key) == 0);
    static ramie_key_t many[1024];
    for (int i = 0; i < 1024; ++i) CHECK(ramie_key_create(&many[i], NULL) == 0);
    CHECK(ramie_key_create(&key, NULL) == EAGAIN);
    for (int i = 0; i < 1024; ++i) CHECK(ramie_key_delete(many[i]) == 0);
}

static void deeper(void) { ramie_thread_exit((void *)7L); }
static void *exits(void *unused) { return deeper(), unused; }
static void *waits_for_ever(void *how) {
    const int first_answer = ramie_sleep_ns(INT64_MAX), second = ramie_sem_wait(&permits);
    *(int *)how = first_answer == ECANCELED && second == ECANCELED;
    return how;
}
static void *detaches_itself(void *done) {
    CHECK(ramie_thread_detach(ramie_thread_self()) == 0 && ramie_thread_detach(ramie_thread_self()) == EINVAL);
    CHECK(ramie_sem_post(&permits) == 0);
    return done;
}
static void *joins_itself(void *unused) {
    return (void)unused, (void *)(long)ramie_thread_join(ramie_thread_self(), NULL);
}
static void *is_itself(void *created) {
    ramie_yield();
    return (void *)(long)ramie_thread_equal(ramie_thread_self(), *(ramie_thread_t *)created);
}

static void *locks(void *unused) {
    const int error = ramie_mutex_lock(&lock);
    if (error == 0) ramie_mutex_unlock(&lock);
    return (void)unused, (void *)(long)error;
}
static void *errno_is_its_own(void *unused) {
    for (int i = 1; i < 100; ++i) {
        errno = i;
        ramie_yield();
        CHECK(ramie_sleep_ns(1000) == 0 && errno == i);
    }
    return unused;
}

static void ends(void) {
    ramie_thread_t one;
    void *result = NULL;
    CHECK(ramie_thread_create(&one, NULL, exits, NULL) == 0 && ramie_thread_join(one, &result) == 0 && result == (void *)7L);
    int cancelled = 0;
    CHECK(ramie_sem_init(&permits, 0) == 0);
    CHECK(ramie_thread_create(&one, NULL, waits_for_ever, &cancelled) == 0);
    CHECK(ramie_sleep_ns(2 * ms) == 0 && ramie_thread_abort(one) == 0);
    CHECK(ramie_thread_join(one, &result) == 0 && cancelled);
    const ramie_thread_attr detached = {0, 1, "detached"}, small = {1, 0, NULL};
    CHECK(ramie_thread_create(&one, &detached, posts, NULL) == 0 && ramie_sem_wait(&permits) == 0);
    CHECK(ramie_thread_create(&one, NULL, detaches_itself, NULL) == 0 && ramie_sem_wait(&permits) == 0);
    CHECK(ramie_thread_create(&one, NULL, joins_itself, NULL) == 0 && ramie_thread_join(one, &result) == 0);
    CHECK(result == (void *)(long)EDEADLK);
    CHECK(ramie_thread_create(&one, NULL, is_itself, &one) == 0 && ramie_thread_join(one, &result) == 0 && result == (void *)1L);
    CHECK(ramie_thread_equal(ramie_thread_self(), ramie_thread_self()) && ramie_thread_abort(ramie_thread_self()) == EINVAL);
    CHECK(ramie_thread_create(&one, &small, posts, NULL) == EINVAL); /* 4096 bytes and more */
    CHECK(ramie_sleep_ns(-1) == EINVAL);
    CHECK(ramie_mutex_lock(&lock) == 0 && ramie_thread_create(&one, NULL, locks, NULL) == 0);
    CHECK(ramie_sleep_ns(2 * ms) == 0 && ramie_thread_abort(one) == 0 && ramie_sleep_ns(2 * ms) == 0);
    CHECK(ramie_mutex_unlock(&lock) == 0 && ramie_thread_join(one, &result) == 0 && result == NULL);
    ramie_thread_t several[20];
    for (int i = 0; i < 20; ++i) CHECK(ramie_thread_create(&several[i], NULL, errno_is_its_own, NULL) == 0);
    for (int i = 0; i < 20; ++i) CHECK(ramie_thread_join(several[i], NULL) == 0);
}

static int all(void *argument) {
    create_join_and_mutex();
    conditions();
    semaphores();
    barriers();
    rwlocks();
    once();
    keys();
    ends();
    return *(int *)argument;
}

int main(void) {
    int argument = 42;
    ramie_thread_t none;
    CHECK(ramie_thread_create(&none, NULL, posts, NULL) == EPERM); /* no runtime runs */
    errno = 99;
    CHECK(ramie_run(all, &argument) == 42 && errno == 99);
    CHECK(ramie_run_as_threads(all, &argument) == -1); /* the hook is not here */
    puts("C is served");
    return 0;
}
