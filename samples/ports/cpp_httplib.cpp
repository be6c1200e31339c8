// cpp_httplib [CONNECTIONS [SECONDS]]: the library cpp-httplib on fibers, beside its own thread pool, under wrk.
//
// cpp-httplib is the Debian package as it is. It serves each connection with blocking calls in a job of its task queue;
// the queue is a thread pool, but its users may give it another: here one whose jobs are fibers. With libramie-hook in
// the process the library's recv, send and poll park their fiber. A connection keeps its job as long as it is kept
// alive, so a pool serves as many as it has threads, and the others wait.
//
// cpp_httplib serve fibers|POOL_SIZE [PORT] is one of the servers, by itself.
#include "real_server.hpp"

#include <ramie/ramie.hpp>

#include <httplib.h>

#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <exception>
#include <functional>
#include <limits>
#include <string>
#include <thread>
#include <utility>

namespace {

using namespace std::chrono_literals;

// All of the port. The loop that accepts connections stays on the thread it always had; their jobs become fibers.
class fiber_queue : public httplib::TaskQueue {
  public:
    explicit fiber_queue(ramie::runtime_handle on) : on_(std::move(on)) {}
    void enqueue(std::function<void()> job) override {
        on_.spawn({.name = "connection", .stack_size = 1 << 20},
                  [job = std::move(job), held = jobs_.track()] { job(); })
            .detach();
    }
    void shutdown() override {
        jobs_.close();
        jobs_.wait();
    }

  private:
    ramie::runtime_handle on_;
    ramie::task_tracker jobs_;
};

// Which connections have been answered, by the client's port; told to the log on SIGUSR1. (wrk does not say how many of
// its connections never got an answer.)
class answered_connections {
  public:
    // Before there are other threads.
    answered_connections() {
        sigset_t asked{};
        ::sigemptyset(&asked);
        ::sigaddset(&asked, SIGUSR1);
        ::pthread_sigmask(SIG_BLOCK, &asked, nullptr);
        std::thread([this, asked] {
            for (int signal = 0; ::sigwait(&asked, &signal) == 0;) {
                std::printf("answered %d connections\n", count_.load());
                std::fflush(stdout);
            }
        }).detach();
    }
    void note(int port) {
        if (!seen_[static_cast<std::uint16_t>(port)].exchange(true)) ++count_;
    }

  private:
    std::array<std::atomic<bool>, 65536> seen_{};
    std::atomic<int> count_{0};
};

answered_connections& answered() {
    static auto& all = *new answered_connections;
    return all;
}

int serve(std::function<httplib::TaskQueue*()> queue, std::uint16_t port) {
    httplib::Server server;
    server.new_task_queue = std::move(queue);
    server.set_tcp_nodelay(true);
    server.set_keep_alive_max_count(std::numeric_limits<std::size_t>::max());
    server.set_keep_alive_timeout(60);
    server.Get("/", [](httplib::Request const& request, httplib::Response& answer) {
        answered().note(request.remote_port);
        answer.set_content("Hello, world!\n", "text/plain");
    });
    server.Get("/sleep", [](httplib::Request const&, httplib::Response& answer) {
        std::this_thread::sleep_for(500ms);
        answer.set_content("slept\n", "text/plain");
    });
    int listener = -1;
    server.set_socket_options([&](int fd) { listener = fd; });
    auto const chosen = port == 0                                ? server.bind_to_any_port("127.0.0.1")
                        : server.bind_to_port("127.0.0.1", port) ? port
                                                                 : -1;
    // It was built to let five connections wait to be accepted.
    if (chosen <= 0 || ::listen(listener, 4096) != 0) {
        std::fprintf(stderr, "cannot listen on port %u\n", port);
        return 1;
    }
    std::printf("listening on 127.0.0.1:%d\n", chosen);
    std::fflush(stdout);
    return server.listen_after_bind() ? 0 : 1;
}

int serve_as_told(std::string const& how, std::uint16_t port) {
    (void)answered();
    if (how == "fibers") {
        ramie::runtime fibers;
        if (!fibers.block_on([] { return ramie::is_hooked(); })) {
            std::fprintf(stderr,
                         "libramie-hook is not in this process, or off: every connection would block a worker\n");
            return 1;
        }
        return serve([&] { return new fiber_queue(fibers.handle()); }, port);
    }
    std::size_t const size = std::strtoul(how.c_str(), nullptr, 10);
    return serve([size] { return new httplib::ThreadPool(size); }, port);
}

// The number after `word` in `text`; 0 if it is not there.
double number_after(std::string const& text, std::string const& word) {
    auto const at = text.find(word);
    return at == text.npos ? 0 : std::strtod(text.c_str() + at + word.size(), nullptr);
}

std::string word_after(std::string const& text, std::string const& word) {
    auto const at = text.find(word);
    if (at == text.npos) return "-";
    auto const begin = text.find_first_not_of(' ', at + word.size());
    return text.substr(begin, text.find_first_of(" \n", begin) - begin);
}

struct peaks {
    int threads = 0, megabytes = 0;
};
void look_at(int pid, peaks& so_far) {
    auto const status = real_server::content_of("/proc/" + std::to_string(pid) + "/status");
    so_far.threads = std::max(so_far.threads, static_cast<int>(number_after(status, "Threads:")));
    so_far.megabytes = std::max(so_far.megabytes, static_cast<int>(number_after(status, "VmHWM:") / 1024));
}

// One server under load; one row.
void measure(std::string const& me, std::string const& how, int connections, int seconds) {
    real_server::folder const place;
    auto const port = real_server::free_port();
    real_server::process server({me, "serve", how, std::to_string(port)}, place.path("server"));
    real_server::wait_until_listening(server, port, place.path("server"));
    real_server::process wrk({real_server::find_program("wrk"), "-t", "1", "-c", std::to_string(connections), "-d",
                              std::to_string(seconds) + "s", "--timeout", "30s", "--latency",
                              "http://127.0.0.1:" + std::to_string(port) + "/"},
                             place.path("wrk"));
    peaks most;
    auto const start = std::chrono::steady_clock::now();
    bool asked = false;
    while (!wrk.has_ended()) {
        look_at(server.pid(), most);
        auto const gone = std::chrono::steady_clock::now() - start;
        // Before wrk hangs up, and the server turns to those who waited for that.
        if (!std::exchange(asked, asked || gone > seconds * 1s - 500ms)) {
            if (asked) ::kill(server.pid(), SIGUSR1);
        }
        if (gone > seconds * 4s + 10s) wrk.stop(SIGKILL);
        std::this_thread::sleep_for(50ms);
    }
    auto const said = real_server::content_of(place.path("wrk"));
    auto const errors = number_after(said, "Socket errors: connect ") + number_after(said, ", read ") +
                        number_after(said, ", write ") + number_after(said, ", timeout ") +
                        number_after(said, "Non-2xx or 3xx responses:");
    if (server.has_ended())
        std::printf("%s has died:\n%s", how.c_str(), real_server::content_of(place.path("server")).c_str());
    auto const answered = number_after(real_server::content_of(place.path("server")), "answered ");
    std::printf("| %-16s | %8.0f | %10.0f | %6.0f | %8s | %8s | %7d | %5d |\n",
                how == "fibers" ? "fibers" : ("pool of " + how).c_str(), answered, number_after(said, "Requests/sec:"),
                errors, word_after(said, " 50%").c_str(), word_after(said, " 99%").c_str(), most.threads,
                most.megabytes);
    std::fflush(stdout);
}

void compare(std::string const& me, int connections, int seconds) {
    rlimit files{};
    ::getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);
    std::printf("%d connections that are kept alive, %d s\n\n", connections, seconds);
    std::printf("| %-16s | %8s | %10s | %6s | %8s | %8s | %7s | %5s |\n", "cpp-httplib on", "answered", "requests/s",
                "errors", "p50", "p99", "threads", "MB");
    std::printf("|---|---|---|---|---|---|---|---|\n");
    measure(me, "fibers", connections, seconds);
    measure(me, "8", connections, seconds);
    measure(me, std::to_string(connections), connections, seconds);
}

// A number in those bounds.
bool read(char const* text, int least, int most, int& into) {
    auto const [end, error] = std::from_chars(text, text + std::strlen(text), into);
    return error == std::errc() && *end == '\0' && into >= least && into <= most;
}

}  // namespace

int main(int argc, char** argv) try {
    int port = 0, connections = 5000, seconds = 5, pool = 0;
    bool good = true;
    if (argc > 1 && std::strcmp(argv[1], "serve") == 0) {
        good = argc == 3 || (argc == 4 && read(argv[3], 0, 65535, port));
        if (good && (std::strcmp(argv[2], "fibers") == 0 || read(argv[2], 1, 100'000, pool)))
            return serve_as_told(argv[2], static_cast<std::uint16_t>(port));
        good = false;
    }
    good = good && argc <= 3 && (argc < 2 || read(argv[1], 1, 50'000, connections)) &&
           (argc < 3 || read(argv[2], 1, 600, seconds));
    if (!good) {
        std::fprintf(stderr, "usage: %s [CONNECTIONS [SECONDS]] | serve fibers|POOL_SIZE [PORT]\n", argv[0]);
        return 2;
    }
    if (real_server::find_program("wrk").empty()) {
        std::fprintf(stderr, "there is no wrk here: apt-get install wrk\n");
        return 1;
    }
    compare("/proc/self/exe", connections, seconds);
    return 0;
} catch (std::exception const& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 1;
}
