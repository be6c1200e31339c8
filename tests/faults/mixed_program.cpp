#include "mixed_program.hpp"

#include "tracked.hpp"

#include <ramie/ramie.hpp>

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <expected>
#include <mutex>
#include <new>
#include <optional>
#include <sstream>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <poll.h>
#include <sys/socket.h>

using namespace std::chrono_literals;

namespace ramie::testing {

namespace {

std::error_code code_of(std::error_code e) { return e; }
std::error_code code_of(io_error const& e) { return e.code; }

template <class T, class E>
T value_of(std::expected<T, E>&& answer, char const* what) {
    if (!answer) throw std::system_error(code_of(answer.error()), what);
    if constexpr (!std::is_void_v<T>) return std::move(*answer);
}

void must_be(bool so, char const* what) {
    if (!so) throw wrong_answer(what);
}

// Captured by a task: done at its end, also if it never ran.
template <class F>
class at_end {
  public:
    explicit at_end(F f) : f_(std::move(f)) {}
    at_end(at_end&& other) noexcept : f_(std::exchange(other.f_, std::nullopt)) {}
    at_end& operator=(at_end&&) = delete;
    ~at_end() {
        if (f_) (*f_)();
    }
    void forget() noexcept { f_.reset(); }

  private:
    std::optional<F> f_;
};

void spawns_and_joins() {
    std::vector<join_handle<int>> tasks;
    for (int i = 0; i < 40; ++i)
        tasks.push_back(spawn([i, t = tracked(i)] {
            this_fiber::yield();
            return t.value + i;
        }));
    int sum = 0;
    for (auto& t : tasks) sum += t.get();
    must_be(sum == 40 * 39, "the sum of forty tasks");
    must_be(spawn({.stack_size = 2 << 20}, [t = tracked(7)] { return t.value; }).get() == 7, "a task with a large stack");
}

void waits_in_a_scope() {
    std::atomic<int> done{0};
    std::vector<join_handle<void>> tasks;
    with_scope([&](scope& children) {
        for (int i = 0; i < 4; ++i)
            tasks.push_back(children.spawn([&, t = tracked()] {
                this_fiber::sleep_for(200us);
                ++done;
            }));
    });
    for (auto& each : tasks) each.get();
    must_be(done == 4, "a scope's children");
    must_be(!timeout(100us, [] { this_fiber::sleep_for(1h); }).has_value(), "a timeout");
}

void sends_and_selects() {
    auto [tx, rx] = channel<tracked>(2);
    auto sends = scoped_task(spawn([tx = std::move(tx)]() mutable {
        for (int i = 0; i < 10; ++i) (void)tx.send(tracked(i));
    }));
    int sum = 0;
    bool open = true;
    while (open)
        select(on_receive(rx, [&](auto&& got) { got ? void(sum += got->value) : void(open = false); }), on_sleep(1min, [] {}));
    sends.get();
    must_be(sum == 45, "what came through a channel");
}

void shares_with_threads() {
    mutex m;
    semaphore permits(0);
    int count = 0;
    auto fiber = scoped_task(spawn([&, end = at_end([&] { permits.release(1); })] {
        for (int i = 0; i < 100; ++i) {
            std::lock_guard const held(m);
            ++count;
        }
    }));
    std::jthread thread([&] {
        for (int i = 0; i < 100; ++i) {
            std::lock_guard const held(m);
            ++count;
        }
        permits.release(1);
    });
    must_be(permits.acquire(2).has_value(), "both permits");
    fiber.get();
    std::lock_guard const held(m);
    must_be(count == 200, "what a thread and a fiber counted");
}

void blocks() {
    std::vector<join_handle<int>> jobs;
    for (int i = 0; i < 3; ++i)
        jobs.push_back(spawn_blocking([i, t = tracked(i)] {
            std::this_thread::sleep_for(100us);
            return i + t.value;
        }));
    int sum = 0;
    for (auto& job : jobs) sum += job.get();
    must_be(sum == 6, "the sum of blocking jobs");
}

void reads_a_file() {
    auto const text = value_of(read_file("/etc/passwd"), "read_file");
    must_be(text.size() > 5, "a file's content");
}

// Of tasks that break each other: the error that was first.
class first_error {
  public:
    // Before its task hears of it, and closes what the others use.
    template <class T, class E>
    T value_of(std::expected<T, E>&& answer, char const* what) {
        if (!answer) note(code_of(answer.error()), what);
        return testing::value_of(std::move(answer), what);
    }
    void note(std::error_code code, char const* what) {
        std::lock_guard const held(m_);
        if (!code_) code_ = code, what_ = what;
    }
    void rethrow() {
        std::lock_guard const held(m_);
        if (code_) throw std::system_error(code_, what_);
    }

  private:
    std::mutex m_;
    std::error_code code_;
    char const* what_ = "";
};

void talks_by_tcp() {
    auto listener = value_of(tcp_listener::bind(endpoint::loopback_v4(0)), "bind");
    auto const there = listener.local_endpoint();
    constexpr std::size_t much = 200'000;
    first_error first;
    // Each side ends when the other breaks; none waits for one that will not come.
    auto serves = scoped_task(spawn([&, broken = at_end([&] {
                                         first.note(std::make_error_code(std::errc::not_enough_memory), "serve");
                                         listener.close();
                                     })]() mutable {
        auto client = first.value_of(listener.accept(), "accept");
        first.value_of(copy(client, client), "echo");  // an error, here or below, closes it
        first.value_of(client.shutdown_write(), "shutdown");
        broken.forget();
    }));
    auto asks = scoped_task(spawn([&] {
        auto s = first.value_of(tcp_stream::connect(there), "connect");
        auto writes = scoped_task(spawn([&, broken = at_end([&] {  // or the reader would wait for the echo
                                             first.note(std::make_error_code(std::errc::not_enough_memory), "write");
                                             s.close();
                                         })]() mutable {
            std::string const text(much, 'x');
            first.value_of(s.write_all(text), "write");
            first.value_of(s.shutdown_write(), "shutdown");
            broken.forget();
        }));
        std::vector<std::byte> part(65536);
        std::size_t got = 0;
        for (;;) {
            auto const n = first.value_of(s.read(part), "read");
            if (n == 0) break;
            got += n;
        }
        if (got != much) {
            first.note(std::make_error_code(std::errc::connection_reset), "cut off");  // before the writer is aborted
            first.rethrow();
        }
        writes.get();
    }));
    // An accept that finds no descriptor waits until one is closed, which nobody will do where there are none for good.
    auto gives_up = scoped_task(spawn([&, before = io_statistics().accept_pauses] {
        while (io_statistics().accept_pauses < before + 3) this_fiber::sleep_for(5ms);
        first.note(std::make_error_code(std::errc::too_many_files_open), "accept");
        serves.abort();
    }));
    auto asked = asks.join();
    if (!asked) serves.abort();
    auto served = serves.join();
    first.rethrow();
    if (!asked && asked.error().is_exception()) asked.error().rethrow();
    if (!served) served.error().rethrow();
}

void talks_by_udp_and_pipe() {
    auto here = value_of(udp_socket::bind(endpoint::loopback_v4(0)), "bind");
    auto there = value_of(udp_socket::bind(endpoint::loopback_v4(0)), "bind");
    value_of(here.send_to("ask", value_of(there.local_endpoint(), "name")), "send");
    std::array<char, 16> text;
    auto const got = timeout(5s, [&] { return value_of(there.receive_from(text), "receive"); });
    must_be(got.has_value() && got->size == 3, "a datagram");

    auto ends = value_of(make_pipe(), "make_pipe");
    value_of(ends.writer.write_all("through"), "write");
    must_be(value_of(ends.reader.read(text), "read") == 7, "a pipe");
}

void starts_a_program() {
    auto const said = value_of(command("true").in(stdio::null()).output(), "true");
    must_be(said.status.success() || said.status.code() == 127, "the status of a program");
}

void hears_a_signal() {
    signals mine{SIGUSR2};
    ::raise(SIGUSR2);
    must_be(mine.next() == SIGUSR2, "a signal");
}

// As code that knows nothing of Ramie does, under the hook.
void uses_plain_descriptors() {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        throw std::system_error(errno, std::system_category(), "socketpair");
    unique_fd const reader(ends[0]);
    unique_fd writer(ends[1]);
    auto writes = scoped_task(spawn([w = std::move(writer)] {  // closed by its end, or the reader would wait on if this failed
        this_fiber::sleep_for(100us);
        auto const n = posix::write(w.get(), "some", 4);
        auto const error = errno;
        if (n < 0) throw std::system_error(error, std::system_category(), "write");
        must_be(n == 4, "a plain write");
    }));
    std::array<char, 8> text;
    pollfd asked{reader.get(), POLLIN, 0};
    auto const polled = posix::poll(&asked, 1, -1);
    auto const polls_error = errno;
    auto const n = posix::read(reader.get(), text.data(), text.size());
    auto const reads_error = errno;
    writes.get();
    if (polled < 0) throw std::system_error(polls_error, std::system_category(), "poll");
    if (n < 0) throw std::system_error(reads_error, std::system_category(), "read");
    must_be(polled == 1 && n == 4, "a plain read");
}

void resolves_a_name() { must_be(!value_of(resolve("localhost", 80), "resolve").empty(), "the addresses of this machine"); }

void is_dumped() {
    auto waits = scoped_task(spawn({.name = "dumped"}, [] { this_fiber::sleep_for(1h); }));
    this_fiber::sleep_for(100us);
    std::ostringstream text;
    text.exceptions(std::ios::badbit);  // or it would keep a lack of memory to itself
    dump(text, {.backtraces = false});
    must_be(text.str().find("dumped") != std::string::npos, "a dump");
}

void leaves_a_program_behind() {
    value_of(command("true").in(stdio::null()).spawn(), "true");
}

}  // namespace

std::vector<mixed_step> const& mixed_steps() {
    static std::vector<mixed_step> const steps{
        {"spawn, join", spawns_and_joins},     {"scope, sleep, timeout", waits_in_a_scope},
        {"channel, select", sends_and_selects}, {"mutex, semaphore, threads", shares_with_threads},
        {"spawn_blocking", blocks},             {"read_file", reads_a_file},
        {"tcp", talks_by_tcp},                  {"udp, pipe", talks_by_udp_and_pipe},
        {"command", starts_a_program},          {"signals", hears_a_signal},            {"plain descriptors", uses_plain_descriptors},
        {"resolve", resolves_a_name},           {"dump", is_dumped},
        {"a child left behind", leaves_a_program_behind},
    };
    return steps;
}

namespace {
constinit std::atomic<char const*> running{"none"};
}

char const* running_step() noexcept { return running; }

void run_mixed(std::function<void(mixed_step const&, std::exception_ptr)> const& refused) {
    for (auto const& each : mixed_steps()) {
        running = each.name;
        try {
            each.run();
        } catch (std::exception const&) {
            refused(each, std::current_exception());
        }
    }
}

}  // namespace ramie::testing
