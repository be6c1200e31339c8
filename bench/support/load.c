/* load echo|http PORT CONNECTIONS SECONDS SERVER_PID: a closed loop, one request in flight on each connection. Prints
 *   requests/s p50_us p99_us p999_us server_cpu_us_per_request
 * and fails if an answer is not what it should be. The server's CPU is its user and system time over the timed part. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static const char get[] = "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
static const char hello[] = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello";
static const char line[] = "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz0123456789.\n"; /* 64 bytes */

struct connection {
    int fd;
    size_t got;
    unsigned long long sent_at;
};

enum { buckets = 4000000 }; /* of 1 us */
static unsigned histogram[buckets];

static unsigned long long now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (unsigned long long)t.tv_sec * 1000000000ull + (unsigned long long)t.tv_nsec;
}

static double cpu_seconds(int pid) {
    char path[64], text[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *const file = fopen(path, "r");
    if (!file) return perror("load: the server"), exit(1), 0;
    text[fread(text, 1, sizeof text - 1, file)] = 0;
    fclose(file);
    unsigned long user = 0, system = 0;
    sscanf(strrchr(text, ')') + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system);
    return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

static void fail(const char *what) {
    fprintf(stderr, "load: %s\n", what);
    exit(1);
}

static void must(int right, const char *what) {
    if (!right) fprintf(stderr, "load: %s: %s\n", what, strerror(errno)), exit(1);
}

/* The time, in us, within which this share of all requests was answered. */
static double quantile(double share, unsigned long long total) {
    const unsigned long long wanted = (unsigned long long)(share * (double)total + 0.5);
    unsigned long long seen = 0;
    for (int i = 0; i < buckets; ++i)
        if ((seen += histogram[i]) >= wanted) return i;
    return buckets;
}

int main(int count, char **arguments) {
    if (count != 6) return fprintf(stderr, "usage: %s echo|http PORT CONNECTIONS SECONDS SERVER_PID\n", arguments[0]), 2;
    const int http = strcmp(arguments[1], "http") == 0, connections = atoi(arguments[3]), pid = atoi(arguments[5]), one = 1;
    const double seconds = atof(arguments[4]);
    const char *const request = http ? get : line, *const answer = http ? hello : line;
    const size_t request_size = strlen(request), answer_size = strlen(answer);

    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    struct connection *const all = calloc((size_t)connections, sizeof *all);
    const int set = epoll_create1(0);
    for (int i = 0; i < connections; ++i) {
        struct connection *const c = &all[i];
        struct sockaddr_in server = {.sin_family = AF_INET,
                                     .sin_port = htons((unsigned short)atoi(arguments[2])),
                                     .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        must((c->fd = socket(AF_INET, SOCK_STREAM, 0)) >= 0, "socket");
        must(connect(c->fd, (struct sockaddr *)&server, sizeof server) == 0, "connect");
        setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
        epoll_ctl(set, EPOLL_CTL_ADD, c->fd, &event);
    }
    for (int i = 0; i < connections; ++i) {
        all[i].sent_at = now_ns();
        must(write(all[i].fd, request, request_size) == (ssize_t)request_size, "write");
    }

    /* A fifth of the time warms up: connections are accepted, stacks and buffers touched. */
    unsigned long long now = now_ns(), total = 0;
    unsigned long long timed_from = now + (unsigned long long)(seconds * 0.2e9);
    const unsigned long long end = timed_from + (unsigned long long)(seconds * 1e9);
    double cpu_before = 0;
    int timed = 0;
    static char buffer[65536];
    struct epoll_event events[1024];
    while ((now = now_ns()) < end) {
        if (!timed && now >= timed_from) {
            timed = 1;
            total = 0;
            memset(histogram, 0, sizeof histogram);
            cpu_before = cpu_seconds(pid);
            timed_from = now;
        }
        const int ready = epoll_wait(set, events, 1024, 100);
        for (int i = 0; i < ready; ++i) {
            struct connection *const c = events[i].data.ptr;
            const ssize_t got = read(c->fd, buffer, sizeof buffer);
            if (got <= 0) fail("the server closed a connection");
            if (c->got + (size_t)got > answer_size || memcmp(buffer, answer + c->got, (size_t)got) != 0) fail("a wrong answer");
            if ((c->got += (size_t)got) < answer_size) continue;
            c->got = 0;
            const unsigned long long answered = now_ns(), waited = (answered - c->sent_at) / 1000;
            ++histogram[waited < buckets ? waited : buckets - 1];
            ++total;
            c->sent_at = answered;
            must(write(c->fd, request, request_size) == (ssize_t)request_size, "write");
        }
    }
    if (!timed || total == 0) fail("no request was answered in time");
    const double took = (double)(now - timed_from) / 1e9, cpu = cpu_seconds(pid) - cpu_before;
    printf("%.0f %.0f %.0f %.0f %.3f\n", (double)total / took, quantile(.5, total), quantile(.99, total),
           quantile(.999, total), cpu / (double)total * 1e6);
    return 0;
}
