#define _GNU_SOURCE
#include "client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

struct out {
    char* at;
    unsigned long left;
};

static void say(struct out* o, char const* format, ...) {
    va_list args;
    va_start(args, format);
    int const n = vsnprintf(o->at, o->left, format, args);
    va_end(args);
    if (n < 0 || (unsigned long)n >= o->left) {
        o->left = 0;
        return;
    }
    o->at += n;
    o->left -= (unsigned long)n;
}

static char const* error_of(long result) { return result == -1 ? strerror(errno) : ""; }

/* An OS thread of the library's own: a resolver, say, that signals over a socket pair. */
static void* own_thread(void* argument) {
    int const fd = *(int*)argument;
    char b[8];
    long const n = read(fd, b, sizeof b);
    struct timespec const t = {0, 2000000};
    nanosleep(&t, 0);
    (void)!write(fd, b, (unsigned long)(n > 0 ? n : 0));
    close(fd);
    return 0;
}

static void talk_over_tcp(struct out* o) {
    struct sockaddr_in at;
    memset(&at, 0, sizeof at);
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    int const listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    say(o, "bind %d\n", bind(listener, (struct sockaddr*)&at, size));
    say(o, "listen %d\n", listen(listener, 4));
    getsockname(listener, (struct sockaddr*)&at, &size);
    int const here = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    say(o, "connect %d\n", connect(here, (struct sockaddr*)&at, size));
    int const there = accept(listener, 0, 0);
    say(o, "accept %d\n", there >= 0);
    close(listener);
    struct timeval const little = {0, 3000};
    setsockopt(here, SOL_SOCKET, SO_RCVTIMEO, &little, sizeof little);
    char b[100];
    long n = recv(here, b, sizeof b, 0);
    say(o, "recv %ld %s\n", n, error_of(n));
    n = send(there, "hello", 5, MSG_NOSIGNAL);
    say(o, "send %ld\n", n);
    n = recv(here, b, sizeof b, 0);
    say(o, "recv %ld %.*s\n", n, (int)n, b);
    struct pollfd p = {here, POLLIN, 0};
    say(o, "poll %d", poll(&p, 1, 3));
    say(o, " and 0: %d\n", poll(&p, 1, 0));
    struct iovec const parts[2] = {{"ab", 2}, {"cd", 2}};
    say(o, "writev %ld\n", (long)writev(there, parts, 2));
    say(o, "poll %d", poll(&p, 1, -1));
    say(o, " %d\n", p.revents);
    fd_set set;
    FD_ZERO(&set);
    FD_SET(here, &set);
    struct timeval much = {5, 0};
    say(o, "select %d\n", select(here + 1, &set, 0, 0, &much));
    n = read(here, b, sizeof b);
    say(o, "read %ld\n", n);
    fcntl(here, F_SETFL, O_NONBLOCK);
    n = read(here, b, sizeof b);
    say(o, "non-blocking read %ld %s, flags %d\n", n, error_of(n), (fcntl(here, F_GETFL) & O_NONBLOCK) != 0);
    fcntl(here, F_SETFL, 0);
    shutdown(there, SHUT_WR);
    n = read(here, b, sizeof b);
    say(o, "read %ld\n", n);
    close(there);
    say(o, "close %d\n", close(here));
}

int client_talk(char* text, unsigned long size) {
    struct out o = {text, size};
    talk_over_tcp(&o);

    int ends[2];
    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends);
    pthread_t thread;
    pthread_create(&thread, 0, own_thread, &ends[1]);
    pthread_detach(thread);
    char b[100];
    say(&o, "write %ld\n", (long)write(ends[0], "ping", 4));
    long n = read(ends[0], b, (unsigned long)sizeof b);
    say(&o, "from the thread: %ld %.4s\n", n, b);
    n = read(ends[0], b, sizeof b);
    say(&o, "its end: %ld\n", n);
    close(ends[0]);

    int pipe_ends[2];
    (void)!pipe2(pipe_ends, O_CLOEXEC);
    (void)!write(pipe_ends[1], "piped", 5);
    n = read(pipe_ends[0], b, sizeof b);
    say(&o, "pipe %ld\n", n);
    int const set = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {EPOLLIN, {0}};
    epoll_ctl(set, EPOLL_CTL_ADD, pipe_ends[0], &event);
    say(&o, "epoll_wait %d\n", epoll_wait(set, &event, 1, 2));
    close(pipe_ends[1]);
    say(&o, "epoll_wait %d\n", epoll_wait(set, &event, 1, -1));
    close(set);
    close(pipe_ends[0]);

    struct addrinfo hints, *found = 0;
    memset(&hints, 0, sizeof hints);
    hints.ai_family = AF_INET;
    hints.ai_socktype = SOCK_STREAM;
    say(&o, "getaddrinfo %d\n", getaddrinfo("localhost", "80", &hints, &found));
    if (found != 0) freeaddrinfo(found);
    say(&o, "getaddrinfo of nonsense %d\n", getaddrinfo("no such name", "80", &hints, &found) != 0);
    struct hostent entry, *host = 0; /* gethostbyname() has one answer for all threads */
    char room[1024];
    int why = 0;
    say(&o, "gethostbyname_r %d", gethostbyname_r("127.0.0.1", &entry, room, sizeof room, &host, &why));
    say(&o, " %d\n", host != 0);
    say(&o, "usleep %d\n", usleep(1000));
    struct timespec const t = {0, 1000000};
    say(&o, "clock_nanosleep %d\n", clock_nanosleep(CLOCK_MONOTONIC, 0, &t, 0));
    say(&o, "nanosleep %d\n", nanosleep(&t, 0));
    return o.left != 0;
}

int client_polls(struct pollfd* fds, unsigned long count, int timeout_ms) { return poll(fds, count, timeout_ms); }

void client_calls_back(void (*f)(void*), void* argument) { f(argument); }
