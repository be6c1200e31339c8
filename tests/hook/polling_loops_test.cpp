// libramie-hook: every call costs budget. A loop of calls that never wait lets the other fibers of its thread run,
// whichever call it is and whatever the call returns.
#include "exported_calls.hpp"
#include "more_polling_loops.hpp"
#include "plain_fds.hpp"
#include "stdio_polling_loops.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include <linux/futex.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <sys/uio.h>

using namespace ramie::testing;

extern "C" {
ssize_t __read_chk(int, void*, size_t, size_t);
ssize_t __recv_chk(int, void*, size_t, size_t, int);
ssize_t __recvfrom_chk(int, void*, size_t, size_t, int, sockaddr*, socklen_t*);
int __poll_chk(pollfd*, nfds_t, int, size_t);
int __ppoll_chk(pollfd*, nfds_t, timespec const*, sigset_t const*, size_t);
}

namespace {

// What the loops poll.
struct world {
    world() {
        for (int const fd : {silent.here, full.here, talking.here}) ::fcntl(fd, F_SETFL, O_NONBLOCK);
        fill(full.here);
        CHECK(::write(talking.there, "x", 1) == 1);
        ::fcntl(listener.fd, F_SETFL, O_NONBLOCK);
    }
    two_fds silent = socket_pair();   // O_NONBLOCK, and nothing to read
    two_fds waiting = socket_pair();  // a blocking one with nothing to read
    two_fds full = socket_pair();     // O_NONBLOCK, and no room
    two_fds talking = socket_pair();  // always something to read
    two_fds pipe = pipe_pair();       // no reads or writes
    two_fds datagrams{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), -1};
    plain_listener listener;          // O_NONBLOCK, and no connection
    two_fds set{::epoll_create1(EPOLL_CLOEXEC), -1};
    two_fds null{::open("/dev/null", O_RDWR | O_CLOEXEC), -1};
    pthread_mutex_t free = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_t taken = [] {
        pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
        ::pthread_mutex_lock(&m);
        return m;
    }();
    pthread_rwlock_t free_rw = PTHREAD_RWLOCK_INITIALIZER;
    pthread_rwlock_t taken_rw = [] {
        pthread_rwlock_t l = PTHREAD_RWLOCK_INITIALIZER;
        ::pthread_rwlock_rdlock(&l);  // without an owner
        return l;
    }();
    pthread_cond_t never = PTHREAD_COND_INITIALIZER;
    sem_t semaphore{};  // glibc's with the value 0
    pthread_barrier_t of_one = [] {
        pthread_barrier_t b;
        ::pthread_barrier_init(&b, nullptr, 1);
        return b;
    }();
};

struct message {
    message() {
        header.msg_iov = &part;
        header.msg_iovlen = 1;
        many.msg_hdr = header;
    }
    char byte = 'm';
    iovec part{&byte, 1};
    msghdr header{};
    mmsghdr many{};
};

timespec const no_time{0, 0}, no_such_time{0, -1}, long_ago{1, 0};
constexpr socklen_t address_size = sizeof(sockaddr_in);

fd_set set_with(int fd) {
    fd_set set;
    FD_ZERO(&set);
    FD_SET(fd, &set);
    return set;
}

struct polling_loop {
    std::string how;
    std::function<void(world&, message&)> call;
};

// One call of each loop. None of them ever waits.
using loops = std::vector<polling_loop>;
std::map<std::string, loops> const table = {
    {"read",
     {{"no data, O_NONBLOCK", [](auto& w, auto& m) { (void)!::read(w.silent.here, &m.byte, 1); }},
      {"no descriptor", [](auto&, auto& m) { (void)!::read(-1, &m.byte, 1); }},
      {"nothing asked", [](auto& w, auto& m) { (void)!::read(w.silent.here, &m.byte, 0); }},
      {"the end of a file", [](auto& w, auto& m) { (void)!::read(w.null.here, &m.byte, 1); }}}},
    {"readv",
     {{"no data, O_NONBLOCK", [](auto& w, auto& m) { (void)!::readv(w.silent.here, &m.part, 1); }},
      {"no parts", [](auto& w, auto&) { (void)!::readv(w.silent.here, nullptr, 0); }}}},
    {"write",
     {{"no room, O_NONBLOCK", [](auto& w, auto& m) { (void)!::write(w.full.here, &m.byte, 1); }},
      {"always room", [](auto& w, auto& m) { (void)!::write(w.null.here, &m.byte, 1); }},
      {"nothing", [](auto& w, auto& m) { (void)!::write(w.full.here, &m.byte, 0); }}}},
    {"writev",
     {{"no room, O_NONBLOCK", [](auto& w, auto& m) { (void)!::writev(w.full.here, &m.part, 1); }},
      {"no parts", [](auto& w, auto&) { (void)!::writev(w.full.here, nullptr, 0); }}}},
    {"recv",
     {{"no data, MSG_DONTWAIT", [](auto& w, auto& m) { ::recv(w.waiting.here, &m.byte, 1, MSG_DONTWAIT); }},
      {"no data, O_NONBLOCK", [](auto& w, auto& m) { ::recv(w.silent.here, &m.byte, 1, 0); }},
      {"no errors", [](auto& w, auto& m) { ::recv(w.datagrams.here, &m.byte, 1, MSG_ERRQUEUE); }},
      {"always data", [](auto& w, auto& m) { ::recv(w.talking.here, &m.byte, 1, MSG_PEEK); }}}},
    {"recvfrom",
     {{"no data, MSG_DONTWAIT",
       [](auto& w, auto& m) { ::recvfrom(w.waiting.here, &m.byte, 1, MSG_DONTWAIT, nullptr, nullptr); }}}},
    {"recvmsg",
     {{"no data, MSG_DONTWAIT", [](auto& w, auto& m) { ::recvmsg(w.waiting.here, &m.header, MSG_DONTWAIT); }},
      {"no message", [](auto& w, auto&) { ::recvmsg(w.waiting.here, nullptr, 0); }}}},
    {"recvmmsg",
     {{"no data, MSG_DONTWAIT",
       [](auto& w, auto& m) { ::recvmmsg(w.waiting.here, &m.many, 1, MSG_DONTWAIT, nullptr); }}}},
    {"send",
     {{"no room, MSG_DONTWAIT", [](auto& w, auto& m) { ::send(w.full.here, &m.byte, 1, MSG_DONTWAIT); }},
      {"no room, O_NONBLOCK", [](auto& w, auto& m) { ::send(w.full.here, &m.byte, 1, 0); }}}},
    {"sendto",
     {{"no room, MSG_DONTWAIT",
       [](auto& w, auto& m) { ::sendto(w.full.here, &m.byte, 1, MSG_DONTWAIT, nullptr, 0); }}}},
    {"sendmsg",
     {{"no room, MSG_DONTWAIT", [](auto& w, auto& m) { ::sendmsg(w.full.here, &m.header, MSG_DONTWAIT); }},
      {"no message", [](auto& w, auto&) { ::sendmsg(w.full.here, nullptr, 0); }}}},
    {"sendmmsg",
     {{"no room, MSG_DONTWAIT", [](auto& w, auto& m) { ::sendmmsg(w.full.here, &m.many, 1, MSG_DONTWAIT); }}}},
    {"accept",
     {{"no connection, O_NONBLOCK", [](auto& w, auto&) { ::accept(w.listener.fd, nullptr, nullptr); }},
      {"no descriptor", [](auto&, auto&) { ::accept(-1, nullptr, nullptr); }}}},
    {"accept4", {{"no connection, O_NONBLOCK", [](auto& w, auto&) { ::accept4(w.listener.fd, nullptr, nullptr, 0); }}}},
    {"connect",
     {{"connected, O_NONBLOCK", [](auto& w, auto&) { ::connect(w.silent.here, w.listener.name(), address_size); }},
      {"no socket", [](auto& w, auto&) { ::connect(w.null.here, w.listener.name(), address_size); }}}},
    {"poll",
     {{"no time",
       [](auto& w, auto&) {
           pollfd asked{w.waiting.here, POLLIN, 0};
           ::poll(&asked, 1, 0);
       }},
      {"ready",
       [](auto& w, auto&) {
           pollfd asked{w.talking.here, POLLIN, 0};
           ::poll(&asked, 1, -1);
       }}}},
    {"ppoll",
     {{"no time",
       [](auto& w, auto&) {
           pollfd asked{w.waiting.here, POLLIN, 0};
           ::ppoll(&asked, 1, &no_time, nullptr);
       }}}},
    {"select",
     {{"no time",
       [](auto& w, auto&) {
           auto set = set_with(w.waiting.here);
           timeval none{0, 0};
           ::select(w.waiting.here + 1, &set, nullptr, nullptr, &none);
       }},
      {"no such count", [](auto&, auto&) { ::select(-1, nullptr, nullptr, nullptr, nullptr); }}}},
    {"pselect",
     {{"no time",
       [](auto& w, auto&) {
           auto set = set_with(w.waiting.here);
           ::pselect(w.waiting.here + 1, &set, nullptr, nullptr, &no_time, nullptr);
       }}}},
    {"epoll_wait",
     {{"no time",
       [](auto& w, auto&) {
           epoll_event event;
           ::epoll_wait(w.set.here, &event, 1, 0);
       }},
      {"no epoll", [](auto& w, auto&) {
           epoll_event event;
           ::epoll_wait(w.null.here, &event, 1, -1);
       }}}},
    {"sleep", {{"no time", [](auto&, auto&) { ::sleep(0); }}}},
    {"usleep", {{"no time", [](auto&, auto&) { ::usleep(0); }}}},
    {"nanosleep",
     {{"no time", [](auto&, auto&) { ::nanosleep(&no_time, nullptr); }},
      {"no such time", [](auto&, auto&) { ::nanosleep(&no_such_time, nullptr); }}}},
    {"clock_nanosleep",
     {{"no time", [](auto&, auto&) { ::clock_nanosleep(CLOCK_MONOTONIC, 0, &no_time, nullptr); }},
      {"passed", [](auto&, auto&) { ::clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &no_time, nullptr); }},
      {"no such time", [](auto&, auto&) { ::clock_nanosleep(CLOCK_MONOTONIC, 0, &no_such_time, nullptr); }},
      {"another clock", [](auto&, auto&) { ::clock_nanosleep(CLOCK_TAI, 0, &no_such_time, nullptr); }}}},
    {"sched_yield", {{"", [](auto&, auto&) { ::sched_yield(); }}}},
    {"getaddrinfo",
     {{"a number",
       [](auto&, auto&) {
           addrinfo* found = nullptr;
           if (::getaddrinfo("127.0.0.1", nullptr, nullptr, &found) == 0) ::freeaddrinfo(found);
       }}}},
    {"getnameinfo",
     {{"as a number",
       [](auto& w, auto&) {
           char host[NI_MAXHOST];
           ::getnameinfo(w.listener.name(), address_size, host, sizeof host, nullptr, 0, NI_NUMERICHOST);
       }}}},
    {"gethostbyname", {{"a number", [](auto&, auto&) { (void)::gethostbyname("127.0.0.1"); }}}},
    {"gethostbyname2", {{"a number", [](auto&, auto&) { (void)::gethostbyname2("127.0.0.1", AF_INET); }}}},
    {"gethostbyname_r",
     {{"a number",
       [](auto&, auto&) {
           hostent into, *found = nullptr;
           char room[1024];
           int error = 0;
           ::gethostbyname_r("127.0.0.1", &into, room, sizeof room, &found, &error);
       }}}},
    {"gethostbyname2_r",
     {{"a number",
       [](auto&, auto&) {
           hostent into, *found = nullptr;
           char room[1024];
           int error = 0;
           ::gethostbyname2_r("127.0.0.1", AF_INET, &into, room, sizeof room, &found, &error);
       }}}},
    {"close",
     {{"no descriptor", [](auto&, auto&) { ::close(-1); }},
      {"one without a wait", [](auto& w, auto&) { ::close(::fcntl(w.null.here, F_DUPFD_CLOEXEC, 0)); }}}},
    {"close_range",
     {{"of one without a wait",
       [](auto& w, auto&) {
           auto const number = static_cast<unsigned>(::fcntl(w.null.here, F_DUPFD_CLOEXEC, 0));
           ::close_range(number, number, 0);
       }},
      {"of none", [](auto&, auto&) { ::close_range(2, 1, 0); }},
      {"that marks", [](auto& w, auto&) {
           auto const number = static_cast<unsigned>(w.null.here);
           ::close_range(number, number, CLOSE_RANGE_CLOEXEC);
       }}}},
    {"closefrom", {{"far above", [](auto&, auto&) { ::closefrom(1 << 30); }}}},
    {"dup2",
     {{"onto itself", [](auto& w, auto&) { ::dup2(w.null.here, w.null.here); }},
      {"onto another", [](auto& w, auto&) { ::dup2(w.null.here, w.pipe.here); }}}},
    {"dup3",
     {{"onto itself", [](auto& w, auto&) { ::dup3(w.null.here, w.null.here, 0); }},
      {"onto another", [](auto& w, auto&) { ::dup3(w.null.here, w.pipe.here, O_CLOEXEC); }}}},
    {"__read_chk", {{"", [](auto& w, auto& m) { (void)!::__read_chk(w.silent.here, &m.byte, 1, 1); }}}},
    {"__recv_chk", {{"", [](auto& w, auto& m) { ::__recv_chk(w.silent.here, &m.byte, 1, 1, 0); }}}},
    {"__recvfrom_chk",
     {{"", [](auto& w, auto& m) { ::__recvfrom_chk(w.silent.here, &m.byte, 1, 1, 0, nullptr, nullptr); }}}},
    {"__poll_chk",
     {{"",
       [](auto& w, auto&) {
           pollfd asked{w.waiting.here, POLLIN, 0};
           ::__poll_chk(&asked, 1, 0, sizeof asked);
       }}}},
    {"__ppoll_chk",
     {{"",
       [](auto& w, auto&) {
           pollfd asked{w.waiting.here, POLLIN, 0};
           ::__ppoll_chk(&asked, 1, &no_time, nullptr, sizeof asked);
       }}}},
    {"pthread_mutex_lock",
     {{"that is free",
       [](auto& w, auto&) {
           ::pthread_mutex_lock(&w.free);
           ::pthread_mutex_unlock(&w.free);
       }}}},
    {"pthread_mutex_timedlock",
     {{"", [](auto& w, auto&) { ::pthread_mutex_timedlock(&w.taken, &long_ago); }}}},
    {"pthread_mutex_clocklock",
     {{"", [](auto& w, auto&) { ::pthread_mutex_clocklock(&w.taken, CLOCK_MONOTONIC, &long_ago); }}}},
    {"pthread_mutex_trylock", {{"", [](auto& w, auto&) { ::pthread_mutex_trylock(&w.taken); }}}},
    {"pthread_rwlock_rdlock",
     {{"that is free",
       [](auto& w, auto&) {
           ::pthread_rwlock_rdlock(&w.free_rw);
           ::pthread_rwlock_unlock(&w.free_rw);
       }}}},
    {"pthread_rwlock_wrlock",
     {{"that is free",
       [](auto& w, auto&) {
           ::pthread_rwlock_wrlock(&w.free_rw);
           ::pthread_rwlock_unlock(&w.free_rw);
       }}}},
    {"pthread_rwlock_tryrdlock",
     {{"that is free",
       [](auto& w, auto&) {
           ::pthread_rwlock_tryrdlock(&w.free_rw);
           ::pthread_rwlock_unlock(&w.free_rw);
       }}}},
    {"pthread_rwlock_trywrlock", {{"", [](auto& w, auto&) { ::pthread_rwlock_trywrlock(&w.taken_rw); }}}},
    {"pthread_rwlock_timedrdlock", {{"", [](auto& w, auto&) { ::pthread_rwlock_timedrdlock(&w.taken_rw, &long_ago), ::pthread_rwlock_unlock(&w.taken_rw); }}}},
    {"pthread_rwlock_timedwrlock", {{"", [](auto& w, auto&) { ::pthread_rwlock_timedwrlock(&w.taken_rw, &long_ago); }}}},
    {"pthread_rwlock_clockrdlock",
     {{"", [](auto& w, auto&) { ::pthread_rwlock_clockrdlock(&w.taken_rw, CLOCK_MONOTONIC, &long_ago), ::pthread_rwlock_unlock(&w.taken_rw); }}}},
    {"pthread_rwlock_clockwrlock",
     {{"", [](auto& w, auto&) { ::pthread_rwlock_clockwrlock(&w.taken_rw, CLOCK_MONOTONIC, &long_ago); }}}},
    {"pthread_cond_timedwait",
     {{"", [](auto& w, auto&) { ::pthread_cond_timedwait(&w.never, &w.taken, &long_ago); }}}},
    {"pthread_cond_clockwait",
     {{"", [](auto& w, auto&) { ::pthread_cond_clockwait(&w.never, &w.taken, CLOCK_MONOTONIC, &long_ago); }}}},
    {"sem_wait",
     {{"that is posted",
       [](auto& w, auto&) {
           ::sem_post(&w.semaphore);
           ::sem_wait(&w.semaphore);
       }}}},
    {"sem_trywait", {{"", [](auto& w, auto&) { ::sem_trywait(&w.semaphore); }}}},
    {"sem_timedwait", {{"", [](auto& w, auto&) { ::sem_timedwait(&w.semaphore, &long_ago); }}}},
    {"sem_clockwait", {{"", [](auto& w, auto&) { ::sem_clockwait(&w.semaphore, CLOCK_MONOTONIC, &long_ago); }}}},
    {"pthread_barrier_wait", {{"of one", [](auto& w, auto&) { ::pthread_barrier_wait(&w.of_one); }}}},
    {"syscall",
     {{"a futex that has changed",
       [](auto&, auto&) {
           int word = 1;
           ::syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, nullptr, nullptr, 0);
       }}}},
};

// Calls that cost no budget, and why.
std::map<std::string, char const*> const without_a_share = {
    {"putchar", "is fputc, and would be seen"},
    {"putchar_unlocked", "is fputc_unlocked, and would be seen"},
    {"puts", "is like fputs, and would be seen"},
    {"perror", "is like fputs, and would be seen"},
    {"__isoc23_fscanf", "is __isoc99_fscanf for a younger libc"},
    {"__isoc23_scanf", "is __isoc99_scanf for a younger libc"},
    {"__isoc23_vfscanf", "is __isoc99_vfscanf for a younger libc"},
    {"__isoc23_vscanf", "is __isoc99_vscanf for a younger libc"},
    {"sigaction", "sets, and does not ask"},
    {"__sigaction", "is sigaction"},
    {"signal", "sets, and does not ask"},
    {"ssignal", "is signal"},
    {"bsd_signal", "is signal"},
    {"sysv_signal", "sets, and does not ask"},
    {"__sysv_signal", "is sysv_signal"},
    {"sigset", "sets, and does not ask"},
    {"siginterrupt", "sets, and does not ask"},
    {"__cxa_guard_acquire", "once for each static, not in a loop"},
    {"__cxa_guard_release", "gives something back"},
    {"__cxa_guard_abort", "gives something back"},
    {"pthread_mutex_unlock", "gives something back"},
    {"__pthread_mutex_lock", "is pthread_mutex_lock"},
    {"__pthread_mutex_trylock", "is pthread_mutex_trylock"},
    {"__pthread_mutex_unlock", "gives something back"},
    {"pthread_rwlock_unlock", "gives something back"},
    {"__pthread_rwlock_rdlock", "is pthread_rwlock_rdlock"},
    {"__pthread_rwlock_wrlock", "is pthread_rwlock_wrlock"},
    {"__pthread_rwlock_tryrdlock", "is pthread_rwlock_tryrdlock"},
    {"__pthread_rwlock_trywrlock", "is pthread_rwlock_trywrlock"},
    {"__pthread_rwlock_unlock", "gives something back"},
    {"pthread_cond_wait", "waits"},
    {"pthread_cond_signal", "gives something back"},
    {"pthread_cond_broadcast", "gives something back"},
    {"sem_post", "gives something back"},
    {"pthread_once", "once for each, not in a loop"},
    {"__pthread_once", "once for each, not in a loop"},
    {"pthread_barrier_init", "once for each, not in a loop"},
    {"pthread_barrier_destroy", "gives something back"},
    {"pthread_join", "once for each, not in a loop"},
    {"pthread_timedjoin_np", "waits, at first"},
    {"pthread_clockjoin_np", "waits, at first"},
    {"pthread_tryjoin_np", "takes its turns as the try calls above do"},
    {"mtx_lock", "is pthread_mutex_lock"},
    {"mtx_trylock", "is pthread_mutex_trylock"},
    {"mtx_timedlock", "is pthread_mutex_timedlock"},
    {"mtx_unlock", "gives something back"},
    {"cnd_wait", "waits"},
    {"cnd_timedwait", "is pthread_cond_timedwait"},
    {"cnd_signal", "gives something back"},
    {"cnd_broadcast", "gives something back"},
    {"call_once", "once for each, not in a loop"},
    {"thrd_join", "once for each, not in a loop"},
    {"vfork", "lends the thread to a child"},
    {"__vfork", "lends the thread to a child"},
    {"ramie_hook_install", "no call for users"},
    // They always wait, whatever happens: they cost budget, but a loop of them does not poll.
    {"system", "always waits"},
    {"pclose", "always waits"},
    {"pause", "always waits"},
    {"sigsuspend", "waits, or handles a signal"},
    {"__sigsuspend", "waits, or handles a signal"},
    {"sigpause", "waits, or handles a signal"},
    {"__sigpause", "waits, or handles a signal"},
    {"__xpg_sigpause", "waits, or handles a signal"},
    {"sigwait", "waits, or takes a signal"},
    {"sigwaitinfo", "waits, or takes a signal"},
    {"gethostbyaddr", "always on the pool"},
    {"gethostbyaddr_r", "always on the pool"},
    {"res_query", "always on the pool"},
    {"res_search", "always on the pool"},
    {"res_querydomain", "always on the pool"},
    {"res_send", "always on the pool"},
    {"res_nquery", "always on the pool"},
    {"res_nsearch", "always on the pool"},
    {"res_nquerydomain", "always on the pool"},
    {"res_nsend", "always on the pool"},
    {"__res_query", "always on the pool"},
    {"__res_search", "always on the pool"},
    {"__res_querydomain", "always on the pool"},
    {"__res_send", "always on the pool"},
    {"__res_nquery", "always on the pool"},
    {"__res_nsearch", "always on the pool"},
    {"__res_nquerydomain", "always on the pool"},
    {"__res_nsend", "always on the pool"},
    {"rcmd", "always on the pool"},
    {"rcmd_af", "always on the pool"},
    {"rexec", "always on the pool"},
    {"rexec_af", "always on the pool"},
};

}  // namespace

TEST_CASE("hook: a loop of calls that never wait lets the fiber run that ends it, whichever call it is") {
    ramie::run({.current_thread = true}, [] {
        for (auto const& [name, ways] : table) {
            for (auto const& way : ways) {
                world w;
                message m;
                bool over = false;
                auto other = ramie::spawn([&] { over = true; });
                int calls = 0;
                while (!over && calls < 2000) {
                    way.call(w, m);
                    ++calls;
                }
                CHECK_MESSAGE(over, name << " (" << way.how << ") goes on for ever");
                other.get();
            }
        }
    });
}

TEST_CASE("hook: each call that is taken over has a polling loop above, or a reason to have none") {
    auto const more = more_polling_loops();
    auto const stdio = stdio_polling_loops();
    for (auto const& name : exported_calls()) {
        CHECK_MESSAGE((table.count(name) + more.count(name) + stdio.count(name) + without_a_share.count(name)) == 1,
                      name << ": say in polling_loops_test.cpp how a loop of it that never waits looks");
    }
}

TEST_CASE("hook: a polling loop ends when its task is aborted, or its timeout passes") {
    ramie::run({.current_thread = true}, [] {
        auto const ends = socket_pair();
        char b = 0;
        constexpr int enough = 1'000'000;
        auto const polls = [&] {
            pollfd asked{ends.here, POLLIN, 0};
            for (int i = 0; ::poll(&asked, 1, 0) == 0 && i < enough; ++i) {}
            return std::exchange(errno, 0);
        };
        auto const receives = [&] {
            for (int i = 0; ::recv(ends.here, &b, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN && i < enough; ++i) {}
            return std::exchange(errno, 0);
        };
        int error = 0;
        for (auto const& loop : {std::function<int()>(polls), std::function<int()>(receives)}) {
            bool begun = false;
            auto doomed = ramie::spawn([&] {
                begun = true;
                error = loop();
            });
            while (!begun) ramie::this_fiber::yield();
            doomed.abort();
            (void)doomed.join();
            CHECK(error == ECANCELED);
            CHECK(ramie::timeout(2ms, [&] { error = loop(); }).has_value());
            CHECK(error == ETIMEDOUT);
        }
    });
}
