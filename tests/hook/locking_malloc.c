/* malloc and free under one pthread mutex, which is held long enough for all threads to meet there. If a thread that is in the
   middle of malloc enters it again, a fiber was left there for another one: the process says so and ends. */
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

extern void* __libc_malloc(size_t size);
extern void __libc_free(void* block);

static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;
static __thread int inside __attribute__((tls_model("initial-exec")));

static void enter(void) {
    if (inside) {
        (void)!write(2, "left in the middle of malloc\n", 29);
        _exit(3);
    }
    inside = 1;
    pthread_mutex_lock(&one_at_a_time);
    for (volatile int i = 0; i < 300; ++i) {}
}

static void leave(void) {
    pthread_mutex_unlock(&one_at_a_time);
    inside = 0;
}

void* malloc(size_t size) {
    enter();
    void* const block = __libc_malloc(size);
    leave();
    return block;
}

void free(void* block) {
    enter();
    __libc_free(block);
    leave();
}
