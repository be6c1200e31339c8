/* raw_loop echo|http 1 PORT: the floor for servers. One thread, one level-triggered epoll set, a read and a write for each
 * request, nothing else. It expects a request in one read, which holds for the load it is judged by. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello";

int main(int count, char **arguments) {
    if (count != 4) return fprintf(stderr, "usage: %s echo|http 1 PORT\n", arguments[0]), 2;
    const int http = strcmp(arguments[1], "http") == 0, one = 1;
    const int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((unsigned short)atoi(arguments[3])),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 4096)) return perror("raw_loop"), 1;
    const int set = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listener}, events[1024];
    epoll_ctl(set, EPOLL_CTL_ADD, listener, &event);
    static char buffer[4096];
    for (;;) {
        const int ready = epoll_wait(set, events, 1024, -1);
        for (int i = 0; i < ready; ++i) {
            int fd = events[i].data.fd;
            if (fd == listener) {
                while ((fd = accept4(listener, 0, 0, SOCK_NONBLOCK)) >= 0) {
                    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
                    struct epoll_event readable = {.events = EPOLLIN, .data.fd = fd};
                    epoll_ctl(set, EPOLL_CTL_ADD, fd, &readable);
                }
                continue;
            }
            const ssize_t got = read(fd, buffer, sizeof buffer);
            const ssize_t put = got <= 0 ? -1 : http ? write(fd, answer, sizeof answer - 1) : write(fd, buffer, (size_t)got);
            if (put < 0) close(fd);
        }
    }
}
