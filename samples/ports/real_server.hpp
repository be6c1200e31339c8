// A real server for a sample: started on a free loopback port, with a folder of its own that goes with it, as the user
// who runs the sample; stopped by its pid. To be started before any other thread is.
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace real_server {

using namespace std::chrono_literals;

[[noreturn]] inline void fail(std::string const& what) {
    throw std::system_error(errno, std::system_category(), what);
}

// The user a server runs as. PostgreSQL refuses to be root; as another user than root there is no choice.
struct user {
    std::string name = {};  // empty: the one we are
    static user for_postgres() { return ::geteuid() == 0 ? user{"postgres"} : user{}; }
};

// Gone at the end, with all that is in it.
class folder {
  public:
    explicit folder(user const& owner = {}) {
        auto pattern = (std::filesystem::temp_directory_path() / "ramie-sample-XXXXXX").string();
        if (::mkdtemp(pattern.data()) == nullptr) fail(pattern);
        path_ = pattern;
        if (owner.name.empty()) return;
        auto const* const entry = ::getpwnam(owner.name.c_str());
        if (entry == nullptr) throw std::runtime_error("there is no user " + owner.name);
        if (::chown(pattern.c_str(), entry->pw_uid, entry->pw_gid) != 0) fail(pattern);
    }
    folder(folder const&) = delete;
    folder& operator=(folder const&) = delete;
    ~folder() {
        std::error_code ignored;  // what cannot be removed now stays in the temporary directory
        std::filesystem::remove_all(path_, ignored);
    }
    std::string path(std::string const& name = {}) const { return name.empty() ? path_ : path_ + '/' + name; }
    void write(std::string const& name, std::string const& content) const {
        if (!(std::ofstream(path(name)) << content)) fail(path(name));
    }

  private:
    std::string path_;
};

// A program, its output in a file. It does not outlive us.
class process {
  public:
    process(std::vector<std::string> const& command, std::string const& log, user const& as = {}) : name_(command[0]) {
        std::vector<char*> words;
        for (auto const& each : command) words.push_back(const_cast<char*>(each.c_str()));
        words.push_back(nullptr);
        auto const* const entry = as.name.empty() ? nullptr : ::getpwnam(as.name.c_str());
        pid_ = ::fork();
        if (pid_ < 0) fail("fork");
        if (pid_ > 0) return;
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (entry != nullptr && (::initgroups(as.name.c_str(), entry->pw_gid) != 0 || ::setgid(entry->pw_gid) != 0 ||
                                 ::setuid(entry->pw_uid) != 0))
            ::_exit(126);
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // a change of user takes it back
        int const out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0666);
        int const in = ::open("/dev/null", O_RDONLY);
        if (out < 0 || in < 0 || ::dup2(in, 0) < 0 || ::dup2(out, 1) < 0 || ::dup2(out, 2) < 0 || ::chdir("/") != 0)
            ::_exit(126);
        ::execvp(words[0], words.data());
        ::_exit(127);
    }
    process(process const&) = delete;
    process& operator=(process const&) = delete;
    ~process() {
        if (pid_ > 0) stop();
    }

    // Its exit status, or 128 and the signal; waits.
    int wait() {
        int status = 0;
        while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {}
        pid_ = 0;
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }
    bool has_ended() {
        if (pid_ == 0) return true;
        int status = 0;
        if (::waitpid(pid_, &status, WNOHANG) == 0) return false;
        pid_ = 0;
        return true;
    }
    int pid() const { return pid_; }
    // Asks it to end, and no longer asks after five seconds.
    int stop(int signal = SIGTERM) {
        ::kill(pid_, signal);
        for (auto const end = std::chrono::steady_clock::now() + 5s; std::chrono::steady_clock::now() < end;) {
            if (has_ended()) return 0;
            std::this_thread::sleep_for(5ms);
        }
        ::kill(pid_, SIGKILL);
        return wait();
    }
    std::string const& name() const { return name_; }

  private:
    std::string name_;
    int pid_ = 0;
};

inline sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_port = htons(port);
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return where;
}

// Nobody listened there a moment ago.
inline std::uint16_t free_port() {
    int const fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    auto where = loopback(0);
    socklen_t size = sizeof where;
    if (fd < 0 || ::bind(fd, reinterpret_cast<sockaddr*>(&where), size) != 0 ||
        ::getsockname(fd, reinterpret_cast<sockaddr*>(&where), &size) != 0)
        fail("no free port");
    ::close(fd);
    return ntohs(where.sin_port);
}

inline std::string content_of(std::string const& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
}

// Until it takes connections; throws, with what it wrote, if it ends before.
inline void wait_until_listening(process& server, std::uint16_t port, std::string const& log) {
    for (auto const end = std::chrono::steady_clock::now() + 30s; std::chrono::steady_clock::now() < end;) {
        if (server.has_ended()) throw std::runtime_error(server.name() + " did not start:\n" + content_of(log));
        int const fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        auto const where = loopback(port);
        bool const there = ::connect(fd, reinterpret_cast<sockaddr const*>(&where), sizeof where) == 0;
        ::close(fd);
        if (there) return;
        std::this_thread::sleep_for(10ms);
    }
    throw std::runtime_error(server.name() + " does not listen:\n" + content_of(log));
}

// Where a program is: in PATH, in the places for administrators, or below /usr/lib/postgresql. Empty: nowhere.
inline std::string find_program(std::string const& name) {
    std::vector<std::string> places{"/usr/local/bin", "/usr/bin", "/bin", "/usr/local/sbin", "/usr/sbin", "/sbin"};
    std::error_code none;
    for (auto const& version : std::filesystem::directory_iterator("/usr/lib/postgresql", none))
        places.insert(places.begin(), version.path().string() + "/bin");
    for (auto const& place : places)
        if (auto path = place + '/' + name; ::access(path.c_str(), X_OK) == 0) return path;
    return {};
}

}  // namespace real_server
