// Scenes of calls that wait for children, for other processes' messages, and for signals.
#include "covered_calls.hpp"

#include "plain_fds.hpp"
#include "temp_directory.hpp"

#include <atomic>
#include <filesystem>
#include <memory>

#include <mqueue.h>
#include <signal.h>
#include <spawn.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

using namespace ramie::testing;

namespace {

// A child that does nothing until it is killed.
class idle_child {
  public:
    idle_child() {
        char sleep[] = "sleep", time[] = "1000";
        char* const words[] = {sleep, time, nullptr};
        REQUIRE(::posix_spawnp(&pid_, "sleep", nullptr, nullptr, words, environ) == 0);
    }
    ~idle_child() {
        kill();
        ::syscall(SYS_wait4, pid_, nullptr, 0, nullptr);  // if no other call has waited for it
    }
    idle_child(idle_child const&) = delete;
    idle_child& operator=(idle_child const&) = delete;
    void kill() { ::kill(pid_, SIGKILL); }
    pid_t pid() const { return pid_; }

  private:
    pid_t pid_ = 0;
};

covered_call waits_for_child(char const* name, std::function<int(pid_t)> call) {
    return {name, [=] {
                auto const child = std::make_shared<idle_child>();
                return waiting_scene{[=] { return call(child->pid()); }, [=] { child->kill(); }};
            }};
}

// A command that reads from a fifo that has no writer yet.
struct reading_command {
    temp_directory directory;
    std::string const fifo = directory / "fifo", command = "cat " + fifo;
    reading_command() { REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0); }
    void let_it_end() const {
        for (int i = 0; i < 5000; ++i) {
            two_fds const writer(::open(fifo.c_str(), O_WRONLY | O_NONBLOCK), -1);
            if (writer.here >= 0) return;
            ::usleep(1000);
        }
    }
};

struct message {
    long type = 1;
    char text[1000]{};
};
struct message_queue {
    int const id = ::msgget(IPC_PRIVATE, 0600);
    ~message_queue() { ::msgctl(id, IPC_RMID, nullptr); }
};
struct semaphore_set {
    int const id = ::semget(IPC_PRIVATE, 1, 0600);
    ~semaphore_set() { ::semctl(id, 0, IPC_RMID); }
};
// A queue for one message of one byte.
struct posix_queue {
    mqd_t id;
    posix_queue() {
        static std::atomic<int> count{0};
        auto const name = "/ramie-" + std::to_string(::getpid()) + "-" + std::to_string(++count);
        mq_attr attributes{};
        attributes.mq_maxmsg = 1;
        attributes.mq_msgsize = 1;
        id = ::mq_open(name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600, &attributes);
        REQUIRE(id >= 0);
        ::mq_unlink(name.c_str());
    }
    ~posix_queue() { ::mq_close(id); }
};
timespec in_a_minute() {
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    now.tv_sec += 60;
    return now;
}

covered_call receives(char const* name, std::function<int(mqd_t)> call) {
    return {name, [=] {
                auto const queue = std::make_shared<posix_queue>();
                return waiting_scene{[=] { return call(queue->id); }, [=] { ::mq_send(queue->id, "x", 1, 0); }};
            }};
}
covered_call sends(char const* name, std::function<int(mqd_t)> call) {
    return {name, [=] {
                auto const queue = std::make_shared<posix_queue>();
                REQUIRE(::mq_send(queue->id, "x", 1, 0) == 0);
                return waiting_scene{[=] { return call(queue->id); }, [=] {
                                         char b;
                                         ::mq_receive(queue->id, &b, 1, nullptr);
                                     }};
            }};
}
covered_call takes(char const* name, std::function<int(int, sembuf*)> call) {
    return {name, [=] {
                auto const set = std::make_shared<semaphore_set>();
                return waiting_scene{[=] {
                                         sembuf one{0, -1, 0};
                                         return call(set->id, &one);
                                     },
                                     [=] {
                                         sembuf one{0, 1, 0};
                                         ::semop(set->id, &one, 1);
                                     }};
            }};
}

// SIGUSR2 is blocked in all threads, and no pending one is left.
struct expected_signal {
    expected_signal() {
        ::sigemptyset(&set);
        ::sigaddset(&set, SIGUSR2);
        take();
    }
    ~expected_signal() { take(); }
    void take() const {
        timespec const no_time{};
        while (::syscall(SYS_rt_sigtimedwait, &set, nullptr, &no_time, _NSIG / 8) > 0) {}
    }
    sigset_t set;
};
covered_call waits_for_signal(char const* name, std::function<int(sigset_t const&)> call) {
    return {name, [=] {
                auto const expected = std::make_shared<expected_signal>();
                return waiting_scene{[=] { return call(expected->set); }, [] { ::kill(::getpid(), SIGUSR2); }};
            }};
}
// Such a call ends with EINTR.
int handled(int result) {
    return result == -1 && errno == EINTR ? 0 : result == -1 ? errno : EPROTO;
}

}  // namespace

std::vector<covered_call> ramie::testing::covered_child_calls() {
    std::vector<covered_call> all;
    for (auto const* name : {"waitpid", "__waitpid"})
        all.push_back(waits_for_child(
            name, [f = named<pid_t(pid_t, int*, int)>(name)](pid_t pid) { return error_of(f(pid, nullptr, 0)); }));
    all.push_back(waits_for_child("wait4", [](pid_t pid) { return error_of(::wait4(pid, nullptr, 0, nullptr)); }));
    all.push_back(waits_for_child("waitid", [](pid_t pid) {
        siginfo_t about;
        return error_of(::waitid(P_PID, static_cast<id_t>(pid), &about, WEXITED));
    }));
    for (auto const* name : {"wait", "__wait"})
        all.push_back(waits_for_child(name, [f = named<pid_t(int*)>(name)](pid_t) { return error_of(f(nullptr)); }));
    all.push_back(waits_for_child("wait3", [](pid_t) { return error_of(::wait3(nullptr, 0, nullptr)); }));
    all.push_back(waits_for_child("waitpid(-1)", [](pid_t) { return error_of(::waitpid(-1, nullptr, 0)); }));
    all.push_back(waits_for_child("waitid(P_ALL)", [](pid_t) {
        siginfo_t about;
        return error_of(::waitid(P_ALL, 0, &about, WEXITED));
    }));
    all.push_back({"system", [] {
                       auto const child = std::make_shared<reading_command>();
                       return waiting_scene{[=] { return error_of(::system(child->command.c_str())); },
                                            [=] { child->let_it_end(); }};
                   }});
    all.push_back({"pclose", [] {
                       auto const child = std::make_shared<reading_command>();
                       auto* const stream = ::popen(child->command.c_str(), "r");
                       return waiting_scene{[=] { return error_of(::pclose(stream)); }, [=] { child->let_it_end(); }};
                   }});
    return all;
}

std::vector<covered_call> ramie::testing::covered_message_calls() {
    std::vector<covered_call> all;
    all.push_back({"msgrcv", [] {
                       auto const queue = std::make_shared<message_queue>();
                       return waiting_scene{[=] {
                                                message m;
                                                return error_of(::msgrcv(queue->id, &m, sizeof m.text, 0, 0));
                                            },
                                            [=] {
                                                message const m;
                                                ::msgsnd(queue->id, &m, sizeof m.text, 0);
                                            }};
                   }});
    all.push_back({"msgsnd", [] {
                       auto const queue = std::make_shared<message_queue>();
                       message const m;
                       while (::msgsnd(queue->id, &m, sizeof m.text, IPC_NOWAIT) == 0) {}
                       return waiting_scene{[=] { return error_of(::msgsnd(queue->id, &m, sizeof m.text, 0)); },
                                            [=] {
                                                message into;
                                                ::msgrcv(queue->id, &into, sizeof into.text, 0, 0);
                                            }};
                   }});
    all.push_back(takes("semop", [](int set, sembuf* one) { return error_of(::semop(set, one, 1)); }));
    all.push_back(takes("semtimedop", [](int set, sembuf* one) {
        timespec const minute{60, 0};
        return error_of(::semtimedop(set, one, 1, &minute));
    }));
    all.push_back(receives("mq_receive", [](mqd_t queue) {
        char b;
        return error_of(::mq_receive(queue, &b, 1, nullptr));
    }));
    all.push_back(receives("mq_timedreceive", [](mqd_t queue) {
        char b;
        auto const until = in_a_minute();
        return error_of(::mq_timedreceive(queue, &b, 1, nullptr, &until));
    }));
    all.push_back(sends("mq_send", [](mqd_t queue) { return error_of(::mq_send(queue, "x", 1, 0)); }));
    all.push_back(sends("mq_timedsend", [](mqd_t queue) {
        auto const until = in_a_minute();
        return error_of(::mq_timedsend(queue, "x", 1, 0, &until));
    }));
    return all;
}

std::vector<covered_call> ramie::testing::covered_signal_calls() {
    std::vector<covered_call> all;
    all.push_back(waits_for_signal("sigwait", [](sigset_t const& set) {
        int number = 0;
        return ::sigwait(&set, &number);
    }));
    all.push_back(
        waits_for_signal("sigwaitinfo", [](sigset_t const& set) { return error_of(::sigwaitinfo(&set, nullptr)); }));
    for (auto const* name : {"sigtimedwait", "__sigtimedwait"})
        all.push_back(waits_for_signal(
            name, [f = named<int(sigset_t const*, siginfo_t*, timespec const*)>(name)](sigset_t const& set) {
                timespec const minute{60, 0};
                return error_of(f(&set, nullptr, &minute));
            }));
    for (auto const* name : {"sigsuspend", "__sigsuspend"})
        all.push_back(waits_for_signal(name, [f = named<int(sigset_t const*)>(name)](sigset_t const&) {
            sigset_t nothing;
            ::sigemptyset(&nothing);
            return handled(f(&nothing));
        }));
    all.push_back(waits_for_signal("sigpause", [f = named<int(int)>("sigpause")](sigset_t const&) {
        return handled(f(0));
    }));
    all.push_back(waits_for_signal("__sigpause", [f = named<int(int, int)>("__sigpause")](sigset_t const&) {
        return handled(f(SIGUSR2, 1));
    }));
    all.push_back(waits_for_signal("__xpg_sigpause", [f = named<int(int)>("__xpg_sigpause")](sigset_t const&) {
        return handled(f(SIGUSR2));
    }));
    all.push_back({"pause", [] {
                       return waiting_scene{[] { return error_of(::pause()); },
                                            [] {
                                                for (auto const& each :
                                                     std::filesystem::directory_iterator("/proc/self/task"))
                                                    ::syscall(SYS_tgkill, ::getpid(),
                                                              std::stoi(each.path().filename().string()), SIGUSR1);
                                            }};
                   }});
    return all;
}
