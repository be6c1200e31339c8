#include "more_polling_loops.hpp"

#include "plain_fds.hpp"
#include "temp_directory.hpp"

#include <array>
#include <cstdio>
#include <fstream>
#include <memory>

#include <aio.h>
#include <dlfcn.h>
#include <mqueue.h>
#include <poll.h>
#include <resolv.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/msg.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/sendfile.h>
#include <sys/wait.h>
#include <threads.h>

using namespace ramie::testing;

namespace {

// A call by a name that headers do not declare, or declare differently.
template <class F>
F* by_name(char const* name) {
    auto* const found = ::dlsym(RTLD_DEFAULT, name);
    REQUIRE_MESSAGE(found != nullptr, name);
    return reinterpret_cast<F*>(found);
}

// What the loops poll.
struct loops_world {
    loops_world() {
        std::ofstream(path) << "some text";
        file = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
        for (int const fd : {silent.here, pipe.here, pipe.there, other_pipe.there}) ::fcntl(fd, F_SETFL, O_NONBLOCK);
        ::fcntl(counter.here, F_SETFL, O_NONBLOCK);
        sigemptyset(&no_signals);
    }
    ~loops_world() {
        ::close(file);
        ::msgctl(queue, IPC_RMID, nullptr);
        ::semctl(set, 0, IPC_RMID);
    }
    temp_directory directory;
    std::string const path = directory / "file";
    int file = -1;
    two_fds silent = socket_pair(), pipe = pipe_pair(), other_pipe = pipe_pair();
    two_fds counter{::eventfd(0, EFD_CLOEXEC), -1}, epoll{::epoll_create1(EPOLL_CLOEXEC), -1};
    int const queue = ::msgget(IPC_PRIVATE, 0600), set = ::semget(IPC_PRIVATE, 1, 0600);
    sigset_t no_signals;
    std::array<char, 16> room{};
    iovec part{room.data(), room.size()};
    struct flock lock {};
    sembuf take{0, -1, IPC_NOWAIT};
    timespec const no_time{};
    std::array<unsigned char, 64> answer{};
};

}  // namespace

std::map<std::string, std::function<void()>> ramie::testing::more_polling_loops() {
    auto const w = std::make_shared<loops_world>();
    std::map<std::string, std::function<void()>> all;
    auto const open_and_close = [](int fd) { ::syscall(SYS_close, fd); };

    // files
    for (auto const* name : {"open", "open64", "__open", "__open64"})
        all[name] = [w, open_and_close, f = by_name<int(char const*, int, ...)>(name)] {
            open_and_close(f(w->path.c_str(), O_RDONLY));
        };
    for (auto const* name : {"openat", "openat64"})
        all[name] = [w, open_and_close, f = by_name<int(int, char const*, int, ...)>(name)] {
            open_and_close(f(AT_FDCWD, w->path.c_str(), O_RDONLY));
        };
    for (auto const* name : {"__open_2", "__open64_2"})
        all[name] = [w, open_and_close, f = by_name<int(char const*, int)>(name)] {
            open_and_close(f(w->path.c_str(), O_RDONLY));
        };
    for (auto const* name : {"__openat_2", "__openat64_2"})
        all[name] = [w, open_and_close, f = by_name<int(int, char const*, int)>(name)] {
            open_and_close(f(AT_FDCWD, w->path.c_str(), O_RDONLY));
        };
    for (auto const* name : {"creat", "creat64"})
        all[name] = [w, open_and_close, f = by_name<int(char const*, mode_t)>(name)] {
            open_and_close(f((w->path + "2").c_str(), 0600));
        };
    for (auto const* name : {"fcntl", "fcntl64", "__fcntl"})
        all[name] = [w, f = by_name<int(int, int, ...)>(name)] {
            w->lock.l_type = F_RDLCK;
            f(w->file, F_SETLK, &w->lock);
        };
    all["flock"] = [w] { ::flock(w->file, LOCK_EX | LOCK_NB); };
    for (auto const* name : {"lockf", "lockf64"})
        all[name] = [w, f = by_name<int(int, int, off_t)>(name)] { f(w->file, F_TEST, 1); };
    for (auto const* name : {"pread", "pread64", "__pread64"})
        all[name] = [w, f = by_name<ssize_t(int, void*, size_t, off_t)>(name)] { f(w->file, w->room.data(), 4, 0); };
    for (auto const* name : {"__pread_chk", "__pread64_chk"})
        all[name] = [w, f = by_name<ssize_t(int, void*, size_t, off_t, size_t)>(name)] {
            f(w->file, w->room.data(), 4, 0, w->room.size());
        };
    for (auto const* name : {"pwrite", "pwrite64", "__pwrite64"})
        all[name] = [w, f = by_name<ssize_t(int, void const*, size_t, off_t)>(name)] { f(w->file, "text", 4, 0); };
    for (auto const* name : {"preadv", "preadv64", "pwritev", "pwritev64"})
        all[name] = [w, f = by_name<ssize_t(int, iovec const*, int, off_t)>(name)] { f(w->file, &w->part, 1, 0); };
    for (auto const* name : {"preadv2", "preadv64v2", "pwritev2", "pwritev64v2"})
        all[name] = [w, f = by_name<ssize_t(int, iovec const*, int, off_t, int)>(name)] {
            f(w->file, &w->part, 1, 0, 0);
        };
    for (auto const* name : {"sendfile", "sendfile64"})
        all[name] = [w, f = by_name<ssize_t(int, int, off_t*, size_t)>(name)] {
            off_t from = 100;  // behind the end
            f(w->silent.here, w->file, &from, 1);
        };
    all["splice"] = [w] { ::splice(w->pipe.here, nullptr, w->other_pipe.there, nullptr, 1, 0); };
    all["tee"] = [w] { ::tee(w->pipe.here, w->other_pipe.there, 1, 0); };
    all["vmsplice"] = [w] { ::vmsplice(w->pipe.there, &w->part, 1, SPLICE_F_NONBLOCK); };
    all["copy_file_range"] = [w] {
        off_t from = 0, to = 20;
        (void)!::copy_file_range(w->file, &from, w->file, &to, 1, 0);
    };

    // children: there are none
    int const none = 1 << 30;
    for (auto const* name : {"waitpid", "__waitpid"})
        all[name] = [f = by_name<pid_t(pid_t, int*, int)>(name)] { f(none, nullptr, 0); };
    for (auto const* name : {"wait", "__wait"}) all[name] = [f = by_name<pid_t(int*)>(name)] { f(nullptr); };
    all["wait3"] = [] { ::wait3(nullptr, WNOHANG, nullptr); };
    all["wait4"] = [] { ::wait4(-1, nullptr, WNOHANG, nullptr); };
    all["waitid"] = [] {
        siginfo_t about;
        ::waitid(P_ALL, 0, &about, WEXITED | WNOHANG);
    };

    // messages
    all["msgrcv"] = [w] { ::msgrcv(w->queue, w->room.data(), 1, 0, IPC_NOWAIT); };
    all["msgsnd"] = [w] { ::msgsnd(-1, w->room.data(), 1, IPC_NOWAIT); };
    all["semop"] = [w] { ::semop(w->set, &w->take, 1); };
    all["semtimedop"] = [w] { ::semtimedop(w->set, &w->take, 1, &w->no_time); };
    all["mq_receive"] = [w] { ::mq_receive(-1, w->room.data(), 1, nullptr); };
    all["mq_timedreceive"] = [w] { ::mq_timedreceive(-1, w->room.data(), 1, nullptr, &w->no_time); };
    all["mq_send"] = [w] { ::mq_send(-1, w->room.data(), 1, 0); };
    all["mq_timedsend"] = [w] { ::mq_timedsend(-1, w->room.data(), 1, 0, &w->no_time); };

    // signals
    for (auto const* name : {"sigtimedwait", "__sigtimedwait"})
        all[name] = [w, f = by_name<int(sigset_t const*, siginfo_t*, timespec const*)>(name)] {
            f(&w->no_signals, nullptr, &w->no_time);
        };

    // requests
    for (auto const* name : {"aio_suspend", "aio_suspend64"})
        all[name] = [w, f = by_name<int(aiocb const* const*, int, timespec const*)>(name)] {
            aiocb const* const no_request[1] = {nullptr};
            f(no_request, 1, &w->no_time);
        };
    for (auto const* name : {"lio_listio", "lio_listio64"})
        all[name] = [f = by_name<int(int, aiocb* const*, int, sigevent*)>(name)] {
            aiocb* const no_request[1] = {nullptr};
            f(LIO_NOWAIT, no_request, 1, nullptr);
        };
    all["gai_suspend"] = [w] {
        gaicb const* const no_request[1] = {nullptr};
        ::gai_suspend(no_request, 1, &w->no_time);
    };
    all["getaddrinfo_a"] = [] {
        gaicb* no_request[1] = {nullptr};
        ::getaddrinfo_a(GAI_NOWAIT, no_request, 1, nullptr);
    };

    // second names
    all["epoll_pwait"] = [w] {
        epoll_event event;
        ::epoll_pwait(w->epoll.here, &event, 1, 0, nullptr);
    };
    all["epoll_pwait2"] = [w] {
        epoll_event event;
        ::epoll_pwait2(w->epoll.here, &event, 1, &w->no_time, nullptr);
    };
    all["eventfd_read"] = [w] {
        eventfd_t value = 0;
        ::eventfd_read(w->counter.here, &value);
    };
    all["eventfd_write"] = [w] { ::eventfd_write(w->counter.here, 0); };
    all["thrd_sleep"] = [w] { ::thrd_sleep(&w->no_time, nullptr); };
    all["thrd_yield"] = [] { ::thrd_yield(); };
    for (auto const* name : {"pthread_yield", "__sched_yield"}) all[name] = [f = by_name<int()>(name)] { f(); };
    all["__read"] = [w, f = by_name<ssize_t(int, void*, size_t)>("__read")] { f(w->silent.here, w->room.data(), 1); };
    all["__write"] = [w, f = by_name<ssize_t(int, void const*, size_t)>("__write")] { f(-1, "", 1); };
    all["__close"] = [f = by_name<int(int)>("__close")] { f(-1); };
    all["__dup2"] = [w, f = by_name<int(int, int)>("__dup2")] { f(w->file, w->file); };
    all["__connect"] = [w, f = by_name<int(int, sockaddr const*, socklen_t)>("__connect")] { f(-1, nullptr, 0); };
    all["__send"] = [f = by_name<ssize_t(int, void const*, size_t, int)>("__send")] { f(-1, "", 1, 0); };
    all["__recv"] = [w, f = by_name<ssize_t(int, void*, size_t, int)>("__recv")] {
        f(w->silent.here, w->room.data(), 1, 0);
    };
    all["__sendmmsg"] = [f = by_name<int(int, mmsghdr*, unsigned, int)>("__sendmmsg")] {
        mmsghdr none_at_all{};
        f(-1, &none_at_all, 1, 0);
    };
    all["__poll"] = [w, f = by_name<int(pollfd*, nfds_t, int)>("__poll")] {
        pollfd asked{w->silent.here, POLLIN, 0};
        f(&asked, 1, 0);
    };
    all["__select"] = [f = by_name<int(int, fd_set*, fd_set*, fd_set*, timeval*)>("__select")] {
        timeval none_at_all{0, 0};
        f(0, nullptr, nullptr, nullptr, &none_at_all);
    };
    all["__nanosleep"] = [w, f = by_name<int(timespec const*, timespec*)>("__nanosleep")] { f(&w->no_time, nullptr); };
    return all;
}

TEST_CASE("hook: a loop of calls on files, children, messages, ... that never wait lets others run") {
    ramie::run({.current_thread = true}, [] {
        for (auto const& [name, call] : more_polling_loops()) {
            bool over = false;
            auto other = ramie::spawn([&] { over = true; });
            for (int calls = 0; !over && calls < 2000; ++calls) call();
            CHECK_MESSAGE(over, name << " goes on for ever");
            other.get();
        }
    });
}
