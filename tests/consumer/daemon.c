/* As tinyproxy and many other daemons have it: main accepts, a thread serves each connection, SIGTERM sets a flag, and the call in
 * which main waits ends with EINTR. It knows nothing of Ramie; the program is compiled twice, once with
 * -include ramie/pthread_names.h. Its argument says in which call main waits. */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/select.h>
#include <unistd.h>

extern const char *how; /* main's argument */
static volatile sig_atomic_t quit;
static sem_t free_seats;
static sigset_t usual;

static void stop(int number) {
    (void)number;
    quit = 1;
}

static void *serve(void *connection) {
    const int fd = (int)(long)connection;
    char byte;
    while (read(fd, &byte, 1) == 1 && write(fd, &byte, 1) == 1) {}
    close(fd);
    return NULL;
}

/* True: main may accept. */
static int wait_for_work(int listener) {
    struct pollfd asked = {listener, POLLIN, 0};
    fd_set readable;
    FD_ZERO(&readable);
    FD_SET(listener, &readable);
    if (strcmp(how, "poll") == 0) return poll(&asked, 1, -1) > 0;
    if (strcmp(how, "select") == 0) return select(listener + 1, &readable, NULL, NULL, NULL) > 0;
    if (strcmp(how, "ppoll") == 0) return ppoll(&asked, 1, NULL, &usual) > 0;
    if (strcmp(how, "accept") == 0) return 1;
    if (poll(&asked, 1, 0) > 0) return 1;
    if (strcmp(how, "sleep") == 0) return sleep(1000), 0;
    if (strcmp(how, "pause") == 0) return pause(), 0;
    if (strcmp(how, "sem_wait") == 0) return sem_wait(&free_seats), 0;
    return -1;
}

int old_main(void *unused) {
    struct sigaction action = {.sa_handler = stop};
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t size = sizeof at;
    sigset_t term;
    int accepted = 0;
    const int listener = socket(AF_INET, SOCK_STREAM, 0);
    (void)unused;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(listener, (struct sockaddr *)&at, size) != 0 || listen(listener, 64) != 0) return 1;
    getsockname(listener, (struct sockaddr *)&at, &size);
    sem_init(&free_seats, 0, 0);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGUSR1, &(struct sigaction){.sa_handler = stop, .sa_flags = SA_RESTART}, NULL);
    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    pthread_sigmask(strcmp(how, "ppoll") == 0 ? SIG_BLOCK : SIG_UNBLOCK, &term, &usual);
    printf("%d\n", ntohs(at.sin_port));
    fflush(stdout);
    while (!quit) {
        pthread_t thread;
        if (wait_for_work(listener) <= 0) continue;
        const int fd = accept(listener, NULL, NULL);
        if (fd < 0) {
            if (errno != EINTR) return 2;
            continue;
        }
        if (pthread_create(&thread, NULL, serve, (void *)(long)fd) != 0) return 3;
        pthread_detach(thread);
        ++accepted;
    }
    printf("%d accepted, then told to stop\n", accepted);
    fflush(stdout);
    return 0;
}
