// Dumps that a signal asks for: where they go, whose signal it is, and what happens at the ends.
#include "caught_stderr.hpp"
#include "child_process.hpp"
#include "environment.hpp"

#include <ramie/dump.hpp>
#include <ramie/notify.hpp>
#include <ramie/runtime.hpp>
#include <ramie/simulate.hpp>
#include <ramie/this_fiber.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <thread>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace std::chrono_literals;
using namespace ramie::testing;

namespace {

std::size_t count_of(std::string_view part, std::string_view text) {
    std::size_t n = 0;
    for (auto at = text.find(part); at != std::string_view::npos; at = text.find(part, at + 1)) ++n;
    return n;
}

constexpr auto first_line = "ramie: dump of process ", last_line = "ramie: end of the dump";

// RAMIE_DUMP_FILE names a file in a directory of its own.
class dump_file {
  public:
    dump_file() : directory_(made()), names_it_("RAMIE_DUMP_FILE", path().c_str()) {}
    dump_file(dump_file const&) = delete;
    dump_file& operator=(dump_file const&) = delete;
    ~dump_file() { std::filesystem::remove_all(directory_); }

    std::string path() const { return directory_ + "/dumps"; }
    std::string text() const {
        std::ifstream in(path());
        return {std::istreambuf_iterator<char>(in), {}};
    }
    std::string text_with_dumps(std::size_t n) const {
        for (;;) {
            auto all = text();
            if (count_of(last_line, all) >= n) return all;
            std::this_thread::sleep_for(1ms);
        }
    }

  private:
    static std::string made() {
        std::string name = (std::filesystem::temp_directory_path() / "ramie-dumps-XXXXXX").string();
        REQUIRE(::mkdtemp(name.data()) != nullptr);
        return name;
    }

    std::string const directory_;
    environment names_it_;
};

// A disposition for as long as a test needs it.
class disposition {
  public:
    disposition(int number, void (*handler)(int)) : number_(number) {
        struct sigaction wanted {};
        wanted.sa_handler = handler;
        ::sigaction(number_, &wanted, &before_);
    }
    disposition(disposition const&) = delete;
    disposition& operator=(disposition const&) = delete;
    ~disposition() { ::sigaction(number_, &before_, nullptr); }
    static bool is(int number, void (*handler)(int)) {
        struct sigaction now {};
        ::sigaction(number, nullptr, &now);
        return now.sa_handler == handler;
    }

  private:
    int const number_;
    struct sigaction before_ {};
};

std::atomic<int> heard{0};
void hear(int) { heard.fetch_add(1); }

void send(int number) { REQUIRE(::kill(::getpid(), number) == 0); }

// Each stands at a place of its own, so each has a paragraph: together more than a pipe takes.
std::atomic<int> places{0};
[[gnu::noinline]] void wait_below(int depth, ramie::notify& never) {
    if (depth == 0) places.fetch_add(1), never.wait();
    else wait_below(depth - 1, never);
    std::atomic_signal_fence(std::memory_order_seq_cst);  // no tail call
}
class many_places {
  public:
    explicit many_places(ramie::runtime& in) {
        places = 0;
        for (int i = 0; i < 40; ++i)
            all_.push_back(in.spawn({.name = std::string(90, 'n')}, [this, i] { wait_below(i, never_); }));
        while (places < 40) std::this_thread::yield();
    }
    many_places(many_places const&) = delete;
    many_places& operator=(many_places const&) = delete;
    ~many_places() {
        for (auto& h : all_) h.abort();
        for (auto& h : all_) (void)h.join();
    }

  private:
    ramie::notify never_;
    std::vector<ramie::join_handle<void>> all_;
};

bool is_one_dump(std::string_view text) {
    return text.starts_with(first_line) && count_of(first_line, text) == 1 && count_of(last_line, text) == 1 &&
           text.rfind(last_line) > text.size() - 60;
}

}  // namespace

TEST_CASE("dump_on: SIGQUIT prints every task at the end of a file, and the program goes on") {
    dump_file const file;
    ramie::runtime carrier({.workers = 1});
    ramie::notify never;
    auto reader = carrier.spawn({.name = "reader"}, [&] { never.wait(); });
    send(SIGQUIT);
    auto const first = file.text_with_dumps(1);
    CHECK(is_one_dump(first));
    CHECK(first.find("\"reader\"") != std::string::npos);
    struct stat about {};
    REQUIRE(::stat(file.path().c_str(), &about) == 0);
    CHECK((about.st_mode & 077) == 0);  // addresses, names of peers: the owner's only
    send(SIGQUIT);
    auto const both = file.text_with_dumps(2);
    CHECK(both.starts_with(first));
    CHECK(is_one_dump(both.substr(first.size())));
    never.notify_one();
    CHECK(reader.join().has_value());
}

TEST_CASE("dump_on: without a file it is printed on stderr") {
    environment const no_file("RAMIE_DUMP_FILE", nullptr);
    caught_stderr const said;
    ramie::runtime const carrier({.workers = 1});
    send(SIGQUIT);
    while (count_of(last_line, said.text()) == 0) std::this_thread::sleep_for(1ms);
    CHECK(is_one_dump(said.text()));
}

TEST_CASE("dump_on: a fiber asks by raise, another signal is chosen by the option or the environment") {
    dump_file const file;
    std::size_t dumps = 0;
    {
        ramie::runtime carrier({.workers = 1, .dump_on = SIGUSR1});
        carrier.block_on([] { ::raise(SIGUSR1); });
        auto const text = file.text_with_dumps(++dumps);
        CHECK(disposition::is(SIGQUIT, SIG_DFL));
    }
    environment const chosen("RAMIE_DUMP_ON", "SIGRTMIN+3");
    ramie::runtime const carrier({.current_thread = true});
    send(SIGRTMIN + 3);
    CHECK(count_of(first_line, file.text_with_dumps(++dumps)) == dumps);
}

TEST_CASE("dump_on: none, a current_thread runtime and a simulation leave SIGQUIT as it is") {
    {
        ramie::runtime const carrier({.workers = 1, .dump_on = 0});
        CHECK(disposition::is(SIGQUIT, SIG_DFL));
    }
    {
        environment const none("RAMIE_DUMP_ON", "none");
        ramie::runtime const carrier({.workers = 1});
        CHECK(disposition::is(SIGQUIT, SIG_DFL));
    }
    {
        ramie::runtime const carrier({.current_thread = true});
        CHECK(disposition::is(SIGQUIT, SIG_DFL));
    }
    environment const chosen("RAMIE_DUMP_ON", "SIGQUIT");
    ramie::testing::simulate(1, [] { CHECK(disposition::is(SIGQUIT, SIG_DFL)); });
}

TEST_CASE("dump_on: a second SIGQUIT while a dump is printed gives a second dump, after the first") {
    dump_file const file;
    REQUIRE(::mkfifo(file.path().c_str(), 0600) == 0);
    ramie::runtime carrier({.workers = 1});
    many_places const tasks(carrier);
    int const reader = ::open(file.path().c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    REQUIRE(reader >= 0);
    ::fcntl(reader, F_SETFL, 0);
    ::fcntl(reader, F_SETPIPE_SZ, 4096);
    std::string text;
    char some[512];
    auto const read_on = [&] {
        auto const n = ::read(reader, some, sizeof some);
        if (n > 0) text.append(some, static_cast<std::size_t>(n));
        else std::this_thread::sleep_for(1ms);  // there is no writer between two dumps
    };
    send(SIGQUIT);
    while (text.empty()) read_on();
    for (int i = 0; i < 3; ++i) send(SIGQUIT);  // the first dump has begun, and cannot have ended
    while (count_of(last_line, text) < 2 || !text.ends_with('\n')) read_on();
    auto const second = text.find(first_line, 1);
    REQUIRE(second != std::string::npos);
    CHECK(is_one_dump(text.substr(0, second)));
    CHECK(is_one_dump(text.substr(second)));
    ::close(reader);
}

TEST_CASE("dump_on: a handler that the program has before stays, and if the signal was chosen, a line says so") {
    disposition const own(SIGQUIT, hear);
    caught_stderr const said;
    heard = 0;
    {
        ramie::runtime const carrier({.workers = 1});
        CHECK(disposition::is(SIGQUIT, hear));
        send(SIGQUIT);
        CHECK(heard == 1);
        CHECK(said.text() == "");
    }
    ramie::runtime const carrier({.workers = 1, .dump_on = SIGQUIT});
    CHECK(disposition::is(SIGQUIT, hear));
    CHECK(said.text() == "ramie: dump_on is SIGQUIT, but this program has a handler of its own for that. It stays, "
                         "and that signal asks for no dumps\n");
}

TEST_CASE("dump_on: an ignored signal stays ignored, unless it was chosen; then it is ignored again at the end") {
    disposition const ignored(SIGQUIT, SIG_IGN);
    {
        ramie::runtime const carrier({.workers = 1});
        CHECK(disposition::is(SIGQUIT, SIG_IGN));
    }
    dump_file const file;
    {
        ramie::runtime const carrier({.workers = 1, .dump_on = SIGQUIT});
        send(SIGQUIT);
        CHECK(is_one_dump(file.text_with_dumps(1)));
    }
    CHECK(disposition::is(SIGQUIT, SIG_IGN));
}

TEST_CASE("dump_on: a handler that the program installs later is the one that counts, and stays at the end") {
    disposition const restored(SIGQUIT, SIG_DFL);
    heard = 0;
    {
        ramie::runtime const carrier({.workers = 1});
        ::signal(SIGQUIT, hear);
        send(SIGQUIT);
        CHECK(heard == 1);
    }
    CHECK(disposition::is(SIGQUIT, hear));
}

TEST_CASE("dump_on: of two runtimes each may go first; a dump shows both; after the last the signal does what it did") {
    dump_file const file;
    using options = ramie::runtime_options;
    std::optional<ramie::runtime> one(options{.workers = 1}), two(options{.workers = 1}),
        other(options{.workers = 1, .dump_on = SIGUSR2});
    send(SIGQUIT);
    CHECK(file.text_with_dumps(1).find("\nruntime 3: ") != std::string::npos);
    one.reset();
    send(SIGQUIT);
    CHECK(file.text_with_dumps(2).find("\nruntime 2: ") != std::string::npos);
    two.reset();
    CHECK(disposition::is(SIGQUIT, SIG_DFL));
    send(SIGUSR2);
    CHECK(is_one_dump(file.text_with_dumps(3).substr(file.text().rfind(first_line))));
    other.reset();
    CHECK(disposition::is(SIGUSR2, SIG_DFL));
}

TEST_CASE("dump_on: our handler, put back by others when there is no runtime left, does what the signal did (forks)") {
    auto const end = in_child([] {
        struct sigaction ours {};
        {
            ramie::runtime const carrier({.workers = 1});
            ::sigaction(SIGQUIT, nullptr, &ours);
        }
        ::sigaction(SIGQUIT, &ours, nullptr);
        ::raise(SIGQUIT);
    });
    CHECK(end.killed_by(SIGQUIT));
}

TEST_CASE("dump_on: a child of the process has the signal as it was before (forks)") {
    auto const end = in_child([] {
        ramie::runtime const carrier({.workers = 1});
        auto const forked = ::fork();
        if (forked == 0) {
            if (!disposition::is(SIGQUIT, SIG_DFL)) ::_exit(1);
            ::raise(SIGQUIT);
        }
        auto const bare = ::_Fork();  // no handler of ours runs in this one
        if (bare == 0) ::raise(SIGQUIT);
        for (auto const child : {forked, bare}) {
            int status = 0;
            ::waitpid(child, &status, 0);
            std::printf("%d ", WIFSIGNALED(status) ? WTERMSIG(status) : -1);
        }
    });
    CHECK(end.exited_with(0));
    CHECK(end.output == "3 3 ");
}

TEST_CASE("dump_on: seen although every other thread blocks the signal (forks)") {
    dump_file const file;
    auto const end = in_child([&] {
        sigset_t all;
        ::sigfillset(&all);
        ::pthread_sigmask(SIG_SETMASK, &all, nullptr);
        ramie::runtime const carrier({.workers = 1});
        send(SIGQUIT);
        (void)file.text_with_dumps(1);
    });
    CHECK(end.exited_with(0));
}

TEST_CASE("dump_on: a file on a full disk: stderr says so, and has the dump") {
    environment const full("RAMIE_DUMP_FILE", "/dev/full");
    caught_stderr const said;
    ramie::runtime const carrier({.workers = 1});
    send(SIGQUIT);
    while (count_of(last_line, said.text()) == 0) std::this_thread::sleep_for(1ms);
    auto const text = said.text();
    auto const line = "ramie: the dump is here, because \"/dev/full\" cannot be written: No space left on device\n";
    CHECK(text.starts_with(line));
    CHECK(is_one_dump(text.substr(std::string_view(line).size())));
}

TEST_CASE("dump_fd: a full disk is an error that says so") {
    int const full = ::open("/dev/full", O_WRONLY | O_CLOEXEC);
    REQUIRE(full >= 0);
    try {
        ramie::dump_fd(full);
        FAIL("no error");
    } catch (std::system_error const& e) { CHECK(e.code() == std::errc::no_space_on_device); }
    ::close(full);
}

TEST_CASE("dump_on: a runtime ends while its dump is printed: at once if that is read, soon if nobody reads") {
    dump_file const file;
    {
        ramie::runtime const carrier({.workers = 1});
        send(SIGQUIT);
        while (count_of("worker 0", file.text()) == 0) std::this_thread::sleep_for(1ms);
    }
    CHECK(is_one_dump(file.text()));  // whole, though the runtime is gone

    std::filesystem::remove(file.path());
    REQUIRE(::mkfifo(file.path().c_str(), 0600) == 0);
    int const reader = ::open(file.path().c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    REQUIRE(::fcntl(reader, F_SETPIPE_SZ, 4096) > 0);
    caught_stderr const said;
    ramie::runtime carrier({.workers = 1});
    many_places const tasks(carrier);
    send(SIGQUIT);
    char one = 0;
    while (::read(reader, &one, 1) != 1) std::this_thread::sleep_for(1ms);
    CHECK(carrier.shutdown(10s).empty());
    CHECK(said.text().find("cannot be written: Connection timed out") != std::string::npos);
    ::close(reader);
}
