#include "refused_calls.hpp"

#include <ramie/unique_fd.hpp>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <new>
#include <set>
#include <sstream>

#include <fcntl.h>
#include <linux/filter.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

namespace ramie::testing {

bool refused_end::exited_with(int code) const { return WIFEXITED(status) && WEXITSTATUS(status) == code; }

namespace {

using clock = std::chrono::steady_clock;
// On a busy machine neither the child nor this process may get its turn for long. So what counts is time that passes here while no
// thread of the child could run; and a child that turns in circles is told by the processor's time that it takes.
constexpr std::chrono::milliseconds look_every{100};
constexpr unsigned quiet_looks = 200;
constexpr std::chrono::seconds most_time{20};
constexpr int cannot = 125;

struct both_ends {
    unique_fd reader, writer;
    both_ends() {
        int ends[2];
        if (::pipe2(ends, O_CLOEXEC) != 0) throw std::bad_alloc();
        reader = unique_fd(ends[0]);
        writer = unique_fd(ends[1]);
    }
};

// The child's part: a filter that asks the listener about these calls. -1: it cannot be had.
int ask_about(std::vector<int> const& calls) {
    auto const word = [](unsigned code, std::size_t value, std::size_t yes = 0, std::size_t no = 0) {
        return sock_filter{static_cast<unsigned short>(code), static_cast<unsigned char>(yes), static_cast<unsigned char>(no),
                           static_cast<unsigned>(value)};
    };
    std::vector<sock_filter> filter{word(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr))};
    for (std::size_t i = 0; i < calls.size(); ++i)
        filter.push_back(word(BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::size_t>(calls[i]), calls.size() - i, 0));
    filter.push_back(word(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
    filter.push_back(word(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF));
    sock_fprog const program{static_cast<unsigned short>(filter.size()), filter.data()};
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return -1;
    // With the second flag (Linux 5.19) a signal does not make a call be asked about twice.
    constexpr unsigned long wait_killable = 1ul << 5;
    for (auto const flags : {SECCOMP_FILTER_FLAG_NEW_LISTENER | wait_killable, SECCOMP_FILTER_FLAG_NEW_LISTENER})
        if (auto const fd = ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program); fd >= 0) return static_cast<int>(fd);
    return -1;
}

std::string text_of(std::filesystem::path const& path) {
    std::ifstream file(path);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

class supervisor {
  public:
    supervisor(refusal const& what, refused_so_far& told) : what_(what), told_(told) {}

    std::optional<refused_end> run(std::function<int(refused_so_far const&)> const& f) {
        std::fflush(nullptr);
        child_ = ::fork();
        if (child_ < 0) return std::nullopt;
        if (child_ == 0) be_child(f);
        output_.writer = unique_fd();
        told_fd_.writer = unique_fd();
        go_.reader = unique_fd();
        int number = -1;
        bool const told = ::read(told_fd_.reader.get(), &number, sizeof number) == sizeof number && number >= 0;
        auto const pidfd = unique_fd(static_cast<int>(::syscall(SYS_pidfd_open, child_, 0)));
        if (told) listener_ = unique_fd(static_cast<int>(::syscall(SYS_pidfd_getfd, pidfd.get(), number, 0)));
        if (listener_.get() < 0) {
            ::kill(child_, SIGKILL);
            ::waitpid(child_, nullptr, 0);
            return std::nullopt;
        }
        (void)!::write(go_.writer.get(), "", 1);
        serve();
        if (::waitpid(child_, &end_.status, 0) != child_) return std::nullopt;
        end_.refused = told_.count.load();
        return std::move(end_);
    }

  private:
    [[noreturn]] void be_child(std::function<int(refused_so_far const&)> const& f) {
        ::dup2(output_.writer.get(), STDOUT_FILENO);
        ::dup2(output_.writer.get(), STDERR_FILENO);
        for (int const signal : {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL, SIGTERM}) ::signal(signal, SIG_DFL);
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        ::prctl(PR_SET_DUMPABLE, 1);
        int const number = ask_about(what_.calls);
        (void)!::write(told_fd_.writer.get(), &number, sizeof number);
        char byte;
        if (number < 0 || ::read(go_.reader.get(), &byte, 1) != 1) ::_exit(cannot);
        ::close(number);
        output_.reader = unique_fd();
        output_.writer = unique_fd();
        int const status = f(told_);
        std::fflush(nullptr);
        ::_exit(status);
    }

    // Until its output ends, which it does with the last process that has it.
    void serve() {
        unsigned quiet = 0;
        auto next_look = clock::now() + look_every;
        bool listening = true;
        for (;;) {
            pollfd both[] = {{output_.reader.get(), POLLIN, 0}, {listening ? listener_.get() : -1, POLLIN, 0}};
            if (::poll(both, 2, look_every.count()) < 0 && errno != EINTR) return;
            if (clock::now() >= next_look && end_.hangs.empty()) {
                next_look = clock::now() + look_every;
                auto const [can_run, time] = how_it_goes();
                if (!can_run) ++quiet;
                if (quiet >= quiet_looks || time > most_time) {
                    end_.hangs = what_it_does();
                    ::kill(child_, SIGKILL);
                }
            }
            if ((both[1].revents & POLLIN) != 0) answer();
            else if ((both[1].revents & POLLHUP) != 0) listening = false;
            if (both[0].revents == 0) continue;
            char block[4096];
            auto const n = ::read(output_.reader.get(), block, sizeof block);
            if (n <= 0) return;
            end_.output.append(block, static_cast<std::size_t>(n));
        }
    }

    void answer() {
        seccomp_notif call{};
        if (::ioctl(listener_.get(), SECCOMP_IOCTL_NOTIF_RECV, &call) != 0) return;  // its thread has been killed
        seccomp_notif_resp says{};
        says.id = call.id;
        says.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
        if (is_meant(call)) {
            ++end_.calls;
            bool const now = what_.n != 0 && (what_.all_from_there ? end_.calls >= what_.n : end_.calls == what_.n);
            if (now) {
                told_.count.fetch_add(1);
                says.flags = 0;
                says.error = -what_.error;
            }
        }
        (void)::ioctl(listener_.get(), SECCOMP_IOCTL_NOTIF_SEND, &says);
    }

    // The programs that it starts are not.
    bool is_meant(seccomp_notif const& call) {
        if (what_.concerns != nullptr && !what_.concerns(call.data)) return false;
        if (threads_.contains(call.pid)) return true;
        auto const task = "/proc/" + std::to_string(child_) + "/task/" + std::to_string(call.pid);
        if (::access(task.c_str(), F_OK) != 0) return false;
        threads_.insert(call.pid);
        return true;
    }

    struct progress {
        bool can_run = false;         // a thread of it could, or does
        std::chrono::seconds time{};  // of a processor, all threads together
    };
    progress how_it_goes() const {
        progress now;
        std::error_code none;
        for (auto const& each : std::filesystem::directory_iterator("/proc/" + std::to_string(child_) + "/task", none)) {
            auto const text = text_of(each.path() / "stat");
            auto const name_ends = text.rfind(") ");  // its name may have anything in it
            if (name_ends != text.npos && text.substr(name_ends + 2, 1) == "R") now.can_run = true;
        }
        clockid_t its;
        timespec used{};
        if (::clock_getcpuclockid(child_, &its) == 0 && ::clock_gettime(its, &used) == 0) now.time = std::chrono::seconds(used.tv_sec);
        return now;
    }

    std::string what_it_does() const {
        std::ostringstream text;
        std::error_code none;
        auto const tasks = "/proc/" + std::to_string(child_) + "/task";
        for (auto const& each : std::filesystem::directory_iterator(tasks, none))
            text << text_of(each.path() / "comm") << "  " << text_of(each.path() / "wchan") << "  " << text_of(each.path() / "syscall");
        return text.str();
    }

    refusal const& what_;
    refused_so_far& told_;
    refused_end end_;
    both_ends output_, told_fd_, go_;
    unique_fd listener_;
    pid_t child_ = -1;
    std::set<unsigned> threads_;
};

}  // namespace

std::optional<refused_end> run_refused(refusal const& what, std::function<int(refused_so_far const&)> const& f) {
    void* const page = ::mmap(nullptr, sizeof(refused_so_far), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) return std::nullopt;
    auto& told = *::new (page) refused_so_far;
    auto end = supervisor(what, told).run(f);
    ::munmap(page, sizeof(refused_so_far));
    if (!end) std::fprintf(stderr, "system calls cannot be refused here: %s\n", std::strerror(errno));
    return end;
}

}  // namespace ramie::testing
