// A client library as it may be found anywhere: it knows nothing of fibers.
#pragma once

#ifdef __cplusplus
extern "C" {
#endif

// Talks to itself by all kinds of blocking calls, and writes down their results: the same text, whatever it runs on. 0:
// the text did not fit.
int client_talk(char* text, unsigned long size);

struct pollfd;
// Its own call of poll().
int client_polls(struct pollfd* fds, unsigned long count, int timeout_ms);

// Calls back from a frame through which no exception may pass.
void client_calls_back(void (*f)(void*), void* argument);

#ifdef __cplusplus
}
#endif
