// ramie::posix, called by hand: results of calls on files, children, messages and signals, and that an abort loses
// nothing.
#include "plain_fds.hpp"
#include "temp_directory.hpp"

#include <ramie/posix_messages.hpp>
#include <ramie/posix_signals.hpp>

#include <array>
#include <csignal>
#include <fstream>
#include <string>

#include <spawn.h>
#include <sys/eventfd.h>
#include <sys/stat.h>

using namespace ramie::testing;
namespace posix = ramie::posix;

namespace {

struct message {
    long type = 1;
    char text[1]{};
};

pid_t start(char const* command) {
    std::string shell = "sh", flag = "-c", text = command;
    char* const words[] = {shell.data(), flag.data(), text.data(), nullptr};
    pid_t child = 0;
    REQUIRE(::posix_spawnp(&child, "sh", nullptr, nullptr, words, environ) == 0);
    return child;
}

}  // namespace

TEST_CASE("posix flock: a fiber that was aborted while it waited has no lock, then or later") {
    on_each_runtime([] {
        temp_directory const directory;
        auto const path = directory / "file";
        two_fds const holder(posix::creat(path.c_str(), 0600), -1), other(posix::open(path.c_str(), O_RDWR), -1);
        REQUIRE(posix::flock(holder.here, LOCK_EX) == 0);
        said end{};
        auto doomed = parked([&] { end = result_of([&] { return posix::flock(other.here, LOCK_EX); }); });
        doomed.abort();
        (void)soon([&] { return doomed.join(); });
        CHECK(end == said{-1, ECANCELED});
        two_fds const third(posix::open(path.c_str(), O_RDWR), -1);
        CHECK(result_of([&] { return posix::flock(third.here, LOCK_EX | LOCK_NB); }) == said{-1, EWOULDBLOCK});
        CHECK(posix::flock(holder.here, LOCK_UN) == 0);
        let_others_park();
        CHECK(posix::flock(third.here, LOCK_EX | LOCK_NB) == 0);
    });
}

TEST_CASE("posix flock: an aborted fiber gives its lock back") {
    on_each_runtime([] {
        temp_directory const directory;
        auto const path = directory / "file";
        two_fds const holder(posix::creat(path.c_str(), 0600), -1);
        int given_back = -1;
        auto doomed = parked([&] {
            REQUIRE(posix::flock(holder.here, LOCK_EX) == 0);
            posix::usleep(100'000'000);
            given_back = posix::flock(holder.here, LOCK_UN);
        });
        doomed.abort();
        (void)soon([&] { return doomed.join(); });
        CHECK(given_back == 0);
    });
}

TEST_CASE("posix msgrcv: a message that comes after the abort is the next one's") {
    on_each_runtime([] {
        auto const queue = ::msgget(IPC_PRIVATE, 0600);
        said end{};
        message m;
        auto doomed = parked([&] { end = result_of([&] { return posix::msgrcv(queue, &m, 1, 0, 0); }); });
        doomed.abort();
        (void)soon([&] { return doomed.join(); });
        CHECK(end == said{-1, ECANCELED});
        CHECK(posix::msgsnd(queue, &m, 1, 0) == 0);
        let_others_park();
        CHECK(posix::msgrcv(queue, &m, 1, 0, IPC_NOWAIT) == 1);
        ::msgctl(queue, IPC_RMID, nullptr);
    });
}

TEST_CASE("posix semtimedop: says EAGAIN when its time has passed") {
    on_each_runtime([] {
        auto const set = ::semget(IPC_PRIVATE, 1, 0600);
        sembuf take{0, -1, 0}, give{0, 1, 0};
        timespec const little{0, 3'000'000};
        CHECK(soon([&] { return result_of([&] { return posix::semtimedop(set, &take, 1, &little); }); }) ==
              said{-1, EAGAIN});
        CHECK(posix::semop(set, &give, 1) == 0);
        CHECK(posix::semop(set, &take, 1) == 0);
        ::semctl(set, 0, IPC_RMID);
    });
}

TEST_CASE("posix sendfile and splice: everything comes through, to a reader that is slow") {
    on_each_runtime([] {
        constexpr std::size_t size = 3'000'001;
        temp_directory const directory;
        auto const path = directory / "file";
        std::string text(size, ' ');
        for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>('a' + i % 23);
        std::ofstream(path) << text;
        two_fds const file(posix::open(path.c_str(), O_RDONLY), -1);
        for (bool const by_pipe : {false, true}) {
            auto ends = socket_pair();
            ::lseek(file.here, 0, SEEK_SET);
            auto sending = ramie::spawn([&] {
                std::size_t sent = 0;
                if (!by_pipe) {
                    auto const n = posix::sendfile(ends.here, file.here, nullptr, size + 100);  // more than there is
                    sent = static_cast<std::size_t>(n);
                } else {
                    auto const pipe = pipe_pair();
                    for (ssize_t n; (n = posix::splice(file.here, nullptr, pipe.there, nullptr, 65536, 0)) > 0;) {
                        for (auto left = n; left > 0;) {
                            auto const m = posix::splice(pipe.here, nullptr, ends.here, nullptr,
                                                         static_cast<std::size_t>(left), 0);
                            REQUIRE(m > 0);
                            left -= m;
                            sent += static_cast<std::size_t>(m);
                        }
                    }
                }
                ends.close_here();
                return sent;
            });
            std::string got;
            std::array<char, 50'000> part;
            for (ssize_t n; (n = posix::read(ends.there, part.data(), part.size())) > 0;)
                got.append(part.data(), static_cast<std::size_t>(n));
            CHECK(soon([&] { return sending.get(); }) == size);
            CHECK((got == text));
        }
    });
}

TEST_CASE("posix waitpid and its kin: the child's end, which another fiber brings about") {
    on_each_runtime([] {
        int status = 0;
        siginfo_t about{};
        pid_t child = -1;
        auto const ended_by = [&](auto&& wait) {
            child = start("exec sleep 10");
            auto waits = parked(wait);
            CHECK(!waits.is_finished());
            CHECK(::kill(child, SIGUSR1) == 0);
            return soon([&] { return waits.get(); });
        };
        CHECK(ended_by([&] { return posix::waitpid(child, &status, 0); }) == child);
        CHECK(WTERMSIG(status) == SIGUSR1);
        CHECK(result_of([&] { return posix::waitpid(child, &status, 0); }) == said{-1, ECHILD});
        CHECK(ended_by([&] { return posix::wait(&status); }) == child);
        CHECK(WTERMSIG(status) == SIGUSR1);
        CHECK(ended_by([&] { return posix::waitid(P_PID, static_cast<id_t>(child), &about, WEXITED | WNOWAIT); }) == 0);
        CHECK(about.si_status == SIGUSR1);
        CHECK(posix::wait3(&status, 0, nullptr) == child);
        CHECK(WTERMSIG(status) == SIGUSR1);
        child = start("exit 3");
        CHECK(soon([&] { return posix::waitpid(child, &status, 0); }) == child);
        CHECK(WEXITSTATUS(status) == 3);
    });
}

TEST_CASE("posix system and pclose: the end of a command that waits for another fiber") {
    on_each_runtime([] {
        temp_directory const directory;
        auto const path = directory / "fifo";
        REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
        auto const command = "read line < " + path + "; exit $line";
        auto const said_to = [&](char const* line, auto&& run) {
            auto running = parked(run);
            CHECK(!running.is_finished());
            two_fds const out(soon([&] { return posix::open(path.c_str(), O_WRONLY); }), -1);
            CHECK(posix::write(out.here, line, 2) == 2);
            return soon([&] { return running.get(); });
        };
        CHECK(WEXITSTATUS(said_to("6\n", [&] { return posix::system(command.c_str()); })) == 6);
        CHECK(WEXITSTATUS(said_to("7\n", [&] { return posix::pclose(::popen(command.c_str(), "r")); })) == 7);
    });
}

TEST_CASE("posix open: a FIFO's two ends wait for each other") {
    on_each_runtime([] {
        temp_directory const directory;
        auto const path = directory / "fifo";
        REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
        auto reading = parked([&] {
            two_fds const in(posix::open(path.c_str(), O_RDONLY), -1);
            char b = 0;
            return posix::read(in.here, &b, 1) == 1 ? b : '?';
        });
        CHECK(!reading.is_finished());
        two_fds const out(soon([&] { return posix::open(path.c_str(), O_WRONLY); }), -1);
        CHECK((::fcntl(out.here, F_GETFL) & O_NONBLOCK) == 0);
        CHECK(posix::write(out.here, "f", 1) == 1);
        CHECK(soon([&] { return reading.get(); }) == 'f');
    });
}

TEST_CASE("posix mq_timedreceive and sigtimedwait: end when their time has passed") {
    on_each_runtime([] {
        mq_attr attributes{};
        attributes.mq_maxmsg = attributes.mq_msgsize = 1;
        auto const name = "/ramie-test-" + std::to_string(::getpid());
        two_fds const queue(::mq_open(name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600, &attributes), -1);
        REQUIRE(queue.here >= 0);
        ::mq_unlink(name.c_str());
        timespec soon_over{};
        ::clock_gettime(CLOCK_REALTIME, &soon_over);
        soon_over.tv_sec += soon_over.tv_nsec > 990'000'000 ? 1 : 0;
        soon_over.tv_nsec = (soon_over.tv_nsec + 5'000'000) % 1'000'000'000;
        char b = 0;
        CHECK(result_of([&] { return posix::mq_timedreceive(queue.here, &b, 1, nullptr, &soon_over); }) ==
              said{-1, ETIMEDOUT});
        CHECK(posix::mq_send(queue.here, "m", 1, 0) == 0);
        CHECK(posix::mq_receive(queue.here, &b, 1, nullptr) == 1);
        CHECK(b == 'm');

        sigset_t none;
        ::sigemptyset(&none);
        timespec const little{0, 3'000'000};
        CHECK(result_of([&] { return posix::sigtimedwait(&none, nullptr, &little); }) == said{-1, EAGAIN});
    });
}

TEST_CASE("posix: the small ones") {
    on_each_runtime([] {
        two_fds const counter(::eventfd(0, EFD_CLOEXEC), -1);
        eventfd_t value = 0;
        auto reading = parked([&] { return posix::eventfd_read(counter.here, &value); });
        CHECK(posix::eventfd_write(counter.here, 7) == 0);
        CHECK(soon([&] { return reading.get(); }) == 0);
        CHECK(value == 7);
        timespec const little{0, 1'000'000};
        CHECK(posix::thrd_sleep(&little, nullptr) == 0);
        CHECK(posix::clock_nanosleep(CLOCK_BOOTTIME, 0, &little, nullptr) == 0);
        posix::thrd_yield();
        two_fds const set(::epoll_create1(EPOLL_CLOEXEC), -1);
        epoll_event event{};
        CHECK(soon([&] { return posix::epoll_pwait2(set.here, &event, 1, &little, nullptr); }) == 0);
        CHECK(soon([&] { return posix::epoll_pwait(set.here, &event, 1, 2, nullptr); }) == 0);
    });
}
