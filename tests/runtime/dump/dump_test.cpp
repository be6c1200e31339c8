// A dump: what it says of each kind of task, from each kind of caller.
#include "chance.hpp"

#include <ramie/channel.hpp>
#include <ramie/dump.hpp>
#include <ramie/mutex.hpp>
#include <ramie/notify.hpp>
#include <ramie/runtime.hpp>
#include <ramie/spawn.hpp>
#include <ramie/spawn_local.hpp>
#include <ramie/this_fiber.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <exception>
#include <latch>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>

#include <fcntl.h>
#include <unistd.h>

using namespace std::chrono_literals;
using namespace ramie::testing;

namespace {

#if RAMIE_TSAN
constexpr bool signals_come_late = true;  // at the next call into libc
#else
constexpr bool signals_come_late = false;
#endif

std::string dumped(ramie::dump_options const& options = {}) {
    std::ostringstream out;
    ramie::dump(out, options);
    return out.str();
}

std::size_t count_of(std::string_view part, std::string_view text) {
    std::size_t n = 0;
    for (auto at = text.find(part); at != std::string_view::npos; at = text.find(part, at + 1)) ++n;
    return n;
}

// The paragraph, or the line, in which that stands.
std::string about(std::string_view part, std::string const& text) {
    auto const at = text.find(part);
    if (at == std::string::npos) return {};
    auto const begin = text.rfind("\n\n", at);
    auto const end = text.find("\n\n", at);
    return text.substr(begin == std::string::npos ? 0 : begin + 2, end - (begin == std::string::npos ? 0 : begin + 2));
}

// Dumps until `part` is there: a task that was spawned on another thread takes its time to get there.
std::string dumped_with(std::string_view part, ramie::dump_options const& options = {}) {
    for (;;) {
        auto text = dumped(options);
        if (text.find(part) != std::string::npos) return text;
        std::this_thread::yield();
    }
}

}  // namespace

TEST_CASE("dump: without a runtime it says that there is none") {
    auto const text = dumped();
    CHECK(text.starts_with("ramie: dump of process " + std::to_string(::getpid())));
    CHECK(text.find("runtime 1") == std::string::npos);
    CHECK(text.find("end of the dump") != std::string::npos);
}

TEST_CASE("dump: a task that waits is shown with its name, its wait, its stack, and where it was spawned") {
    ramie::runtime carrier({.workers = 1});
    ramie::notify never;
    auto handle = carrier.spawn({.name = "reader"}, [&] { never.wait(); });
    auto const text = dumped_with("\"reader\": waits for notify");
    auto const paragraph = about("\"reader\"", text);
    CAPTURE(paragraph);
    CHECK(paragraph.find("task " + std::to_string(handle.id()) + " \"reader\"") != std::string::npos);
    CHECK(paragraph.find("on worker 0") != std::string::npos);
    CHECK(paragraph.find("for ") != std::string::npos);
    CHECK(paragraph.find("stack ") != std::string::npos);
    CHECK(paragraph.find("ramie::notify::wait") != std::string::npos);
    CHECK(paragraph.find("spawned at ") != std::string::npos);
    CHECK(paragraph.find("dump_test.cpp:") != std::string::npos);
    CHECK(text.find("worker 0: idle") != std::string::npos);
    never.notify_one();
    (void)handle.join();
}

TEST_CASE("dump: tasks that stand at the same place are counted, with ten numbers; with each_task all have a line") {
    ramie::runtime carrier({.workers = 2});
    ramie::notify never;
    std::vector<ramie::join_handle<void>> all;
    for (int i = 0; i < 100; ++i) all.push_back(carrier.spawn([&] { never.wait(); }));
    std::string text;
    do text = dumped_with("and 99 others like it:");
    while (text.find("waits for notify") == std::string::npos);  // not all have started yet
    CHECK(count_of("waits for notify", text) == 1);
    CHECK(about("99 others", text).find(", ...\n") != std::string::npos);
    auto const lines = dumped({.each_task = true});
    CHECK(count_of("waits for notify", lines) == 100);
    CHECK(count_of("; trace ", lines) == 100);
    CHECK(count_of("\ntrace ", lines) == 1);
    CHECK(lines.find("task " + std::to_string(all[57].id()) + ": ") != std::string::npos);
    for (int i = 0; i < 100; ++i) never.notify_all();
    for (auto& h : all) (void)h.join();
}

TEST_CASE("dump: the oldest wait comes first") {
    ramie::runtime carrier({.workers = 1});
    ramie::notify never;
    auto old = carrier.spawn({.name = "old"}, [&] { never.wait(); });
    (void)dumped_with("\"old\": waits");
    std::this_thread::sleep_for(50ms);  // the lanes' clocks are some milliseconds slow
    auto young = carrier.spawn({.name = "young"}, [&] { ramie::this_fiber::sleep_for(1h); });
    auto const text = dumped_with("\"young\": waits");
    CHECK(text.find("\"old\": waits") < text.find("\"young\": waits"));
    never.notify_one();
    young.abort();
    (void)old.join();
    (void)young.join();
}

TEST_CASE("dump: a sleep says how long it goes on, a join for which task, a lock by which task it is held") {
    ramie::runtime carrier({.workers = 1});
    ramie::mutex m;
    auto sleeper = carrier.spawn({.name = "holder"}, [&] {
        std::lock_guard const held(m);
        ramie::this_fiber::sleep_for(1h);
    });
    (void)dumped_with("\"holder\": waits for sleep");
    auto locker = carrier.spawn({.name = "locker"}, [&] { std::lock_guard const held(m); });
    auto joiner = carrier.spawn({.name = "joiner"}, [&] { (void)locker.join(); });
    auto const text = dumped_with("\"joiner\": waits for join of task " + std::to_string(locker.id()));
    CHECK(about("\"holder\"", text).find("until its deadline in 60 min") != std::string::npos);
    CHECK(about("\"locker\"", text).find(", held by task " + std::to_string(sleeper.id())) != std::string::npos);
    CHECK(text.find("DEADLOCK") == std::string::npos);
    sleeper.abort();
    (void)sleeper.join();
    (void)joiner.join();
}

TEST_CASE("dump: a circle of locks and joins is a deadlock, whose members are named in order") {
    ramie::runtime carrier({.workers = 2});
    ramie::mutex first, second;
    std::optional<ramie::join_handle<void>> child;
    std::atomic<int> at{0};
    std::atomic<bool> has_child{false};
    auto parent = carrier.spawn({.name = "parent"}, [&] {
        std::lock_guard const held(first);
        while (at != 2 || !has_child) ramie::this_fiber::yield();
        (void)child->join();
    });
    auto other = carrier.spawn([&] {
        std::lock_guard const held(second);
        ++at;
        while (at != 2) ramie::this_fiber::yield();
        std::lock_guard const both(first);
    });
    child.emplace(carrier.spawn([&] {
        while (at != 1) ramie::this_fiber::yield();
        ++at;
        std::lock_guard const held(second);
    }));
    has_child = true;
    auto const text = dumped_with("DEADLOCK");
    auto const circle = about("DEADLOCK", text);
    CAPTURE(circle);
    CHECK(count_of("DEADLOCK", text) == 1);
    CHECK(count_of("\n  task ", circle) == 3);
    auto const line = [](auto const& from, std::string const& what, auto const& to) {
        return "task " + std::to_string(from.id()) + " waits for " + what + " task " + std::to_string(to.id()) + "\n";
    };
    CHECK(circle.find(line(parent, "join of", *child)) != std::string::npos);
    CHECK(circle.find("held by task " + std::to_string(other.id())) != std::string::npos);
    CHECK(circle.find("held by task " + std::to_string(parent.id())) != std::string::npos);
    parent.abort();
    (void)parent.join();
    (void)other.join();
    (void)child->join();
}

TEST_CASE("dump: threads that wait are shown, also as members of a deadlock") {
    ramie::runtime carrier({.workers = 1});
    ramie::mutex by_thread, by_task;
    std::latch locked(2);
    auto task = carrier.spawn([&] {
        std::lock_guard const held(by_task);
        locked.count_down();
        while (by_thread.try_lock()) by_thread.unlock(), ramie::this_fiber::yield();
        try {
            std::lock_guard const both(by_thread);
        } catch (ramie::aborted const&) {}
    });
    std::jthread thread([&] {
        std::lock_guard const held(by_thread);
        locked.arrive_and_wait();
        std::lock_guard const both(by_task);
    });
    auto const text = dumped_with("DEADLOCK");
    CHECK(about("threads that wait", text).find("waits for mutex") != std::string::npos);
    CHECK(about("DEADLOCK", text).find("  thread ") != std::string::npos);
    task.abort();
    (void)task.join();
}

TEST_CASE("dump: whatever a task's name is, it stays in its line") {
    ramie::runtime carrier({.workers = 1});
    ramie::notify never;
    auto a = carrier.spawn({.name = "\x1b[2J\n\"; DROP \xff"}, [&] { never.wait(); });
    auto b = carrier.spawn({.name = std::string(10'000, 'n')}, [&] { never.wait(); });
    auto const text = dumped_with("waits for notify", {.each_task = true});
    CHECK(text.find('\x1b') == std::string::npos);
    CHECK(text.find(R"("\x1b[2J\x0a\"; DROP \xff")") != std::string::npos);
    CHECK(text.find(std::string(100, 'n') + "...\"") != std::string::npos);
    CHECK(text.find(std::string(101, 'n')) == std::string::npos);
    never.notify_all();
    a.abort();
    b.abort();
    (void)a.join();
    (void)b.join();
}

TEST_CASE("dump: tasks that have not started, that are ready, pinned, local, or run on a blocking thread") {
    ramie::runtime carrier({.workers = 1});
    std::atomic<bool> over{false}, blocks{false};
    auto busy = carrier.spawn({.name = "busy", .pinned = true}, [&] {
        auto const waiting = ramie::spawn_local({.name = "new"}, [] {});  // no spare takes it
        while (!over) std::this_thread::yield();
    });
    auto job = carrier.spawn_blocking({.name = "job"}, [&] {
        blocks = true;
        while (!over) std::this_thread::yield();
    });
    while (!blocks) std::this_thread::yield();
    auto const text = dumped_with("\"new\": has not started");
    CHECK(about("\"busy\"", text).find("runs on worker 0, pinned") != std::string::npos);
    CHECK(text.find("\"job\": runs on a blocking thread") != std::string::npos);
    CHECK(text.find("worker 0: runs task " + std::to_string(busy.id())) != std::string::npos);
    over = true;
    (void)busy.join();
    (void)job.join();
}

namespace {
std::atomic<bool> spin_on{true};
[[gnu::noinline]] void spins_here() {
    while (spin_on.load(std::memory_order_relaxed)) {}
}
}  // namespace

TEST_CASE("dump: a task that runs is asked by a signal, and answers with its stack" *
          doctest::skip(signals_come_late)) {
    ramie::runtime carrier({.workers = 1});
    spin_on = true;
    auto busy = carrier.spawn({.name = "busy"}, [] {
        spins_here();
        std::atomic_signal_fence(std::memory_order_seq_cst);
    });
    auto const paragraph = about("\"busy\"", dumped_with("spins_here"));
    CAPTURE(paragraph);
    CHECK(paragraph.find("runs on worker 0") != std::string::npos);
    CHECK(paragraph.find("stack ") != std::string::npos);
    CHECK(paragraph.find("dump_test.cpp") != std::string::npos);
    spin_on = false;
    (void)busy.join();
}

namespace {
[[gnu::noipa]] void waits_in_catch(ramie::notify& n) {
    n.wait();
    std::atomic_signal_fence(std::memory_order_seq_cst);  // no tail call
}
struct waits_at_its_end {
    ramie::notify& n;
    int& uncaught;
    [[gnu::noipa]] ~waits_at_its_end() {
        n.wait();
        uncaught = std::uncaught_exceptions();
    }
};
}  // namespace

TEST_CASE("dump: a fiber that waits inside a catch block, and one that waits during unwinding, are shown and go on") {
    ramie::runtime carrier({.workers = 1});
    ramie::notify never;
    int uncaught = -1;
    auto catching = carrier.spawn({.name = "catching"}, [&] {
        try {
            throw std::runtime_error("kept");
        } catch (std::exception const& e) {
            waits_in_catch(never);
            return std::string(e.what());
        }
    });
    auto unwinding = carrier.spawn({.name = "unwinding"}, [&] {
        try {
            waits_at_its_end const here{never, uncaught};
            throw 5;
        } catch (int n) { return n; }
    });
    (void)dumped_with("\"catching\": waits for notify");
    auto const text = dumped_with("\"unwinding\": waits for notify");
    auto const caught = about("\"catching\"", text), unwound = about("\"unwinding\"", text);
    CAPTURE(caught);
    CAPTURE(unwound);
    CHECK(caught.find("waits_in_catch") != std::string::npos);
    CHECK(unwound.find("~waits_at_its_end") != std::string::npos);
    for (auto const& each : {caught, unwound}) {
        CHECK(each.find("dump_test.cpp:") != std::string::npos);
        CHECK(each.find("no further") == std::string::npos);
    }
    never.notify_all();
    CHECK(catching.join().value() == "kept");
    CHECK(unwinding.join().value() == 5);
    CHECK(uncaught == 1);
}

TEST_CASE("dump: from a fiber, which sees itself run") {
    ramie::runtime carrier({.workers = 2});
    auto const text = carrier.block_on([] { return dumped(); });
    CHECK(text.find("\"root\": runs on worker ") != std::string::npos);
    if (!signals_come_late) CHECK(text.find("ramie::dump(") != std::string::npos);
}

TEST_CASE("dump: two runtimes, one of them current_thread") {
    ramie::runtime one({.workers = 1});
    ramie::runtime two({.current_thread = true});
    ramie::notify never;
    auto in_one = one.spawn({.name = "in one"}, [&] { never.wait(); });
    std::string text;
    two.block_on([&] { text = dumped_with("\"in one\": waits"); });
    CHECK(text.find("runtime 1: 1 worker,") != std::string::npos);
    CHECK(text.find("runtime 2: 1 worker,") != std::string::npos);
    CHECK(text.find("current_thread") != std::string::npos);
    CHECK(text.find("\"root\": runs") != std::string::npos);
    never.notify_one();
    (void)in_one.join();
}

TEST_CASE("dump: the time limit ends the looking, and the dump says how many tasks are left") {
    ramie::runtime carrier({.workers = 1});
    ramie::notify never;
    std::vector<ramie::join_handle<void>> all;
    for (int i = 0; i < 1000; ++i) all.push_back(carrier.spawn([&] { never.wait(); }));
    auto const text = dumped({.time_limit = 0ms});
    CHECK(text.find(" tasks not looked at: the dump's time limit of 0 ms was over") != std::string::npos);
    CHECK(text.find("end of the dump") != std::string::npos);
    for (auto& h : all) h.abort();
    for (auto& h : all) (void)h.join();
}

TEST_CASE("dump: groups beyond the limit are counted, not shown; frames beyond theirs likewise") {
    ramie::runtime carrier({.workers = 1});
    ramie::notify never;
    auto a = carrier.spawn({.name = "a"}, [&] { never.wait(); });
    auto b = carrier.spawn({.name = "b"}, [&] { ramie::this_fiber::sleep_for(1h); });
    (void)dumped_with("\"a\": waits");
    (void)dumped_with("\"b\": waits");
    auto const text = dumped({.most_groups = 1, .most_frames = 1});
    CHECK(count_of(": waits for", text) == 1);
    CHECK(text.find("1 task more, at other places than these 1\n") != std::string::npos);
    CHECK(text.find("#1 ") == std::string::npos);
    CHECK(dumped({.backtraces = false}).find("#0 ") == std::string::npos);
    a.abort();
    b.abort();
    (void)a.join();
    (void)b.join();
}

TEST_CASE("dump: what the stream throws comes out, and the next dump is whole") {
    struct full : std::streambuf {
        int_type overflow(int_type) override { throw std::runtime_error("the stream is full"); }
        std::streamsize xsputn(char const*, std::streamsize) override {
            throw std::runtime_error("the stream is full");
        }
    } buffer;
    std::ostream out(&buffer);
    out.exceptions(std::ios::badbit);
    ramie::runtime carrier({.workers = 1});
    CHECK_THROWS_AS(ramie::dump(out), std::runtime_error);
    CHECK(dumped().find("end of the dump") != std::string::npos);
}

TEST_CASE(
    "dump_fd: writes to a descriptor, also a full one that does not block; one that cannot be written is an error") {
    int ends[2];
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    REQUIRE(::fcntl(ends[1], F_SETFL, O_NONBLOCK) == 0);
    REQUIRE(::fcntl(ends[1], F_SETPIPE_SZ, 4096) > 0);
    ramie::runtime carrier({.workers = 1});
    ramie::notify never;
    std::vector<ramie::join_handle<void>> all;
    for (int i = 0; i < 200; ++i) all.push_back(carrier.spawn([&] { never.wait(); }));
    std::string text;
    std::thread reader([&] {
        char some[777];
        for (auto n = ::read(ends[0], some, sizeof some); n > 0; n = ::read(ends[0], some, sizeof some))
            text.append(some, static_cast<std::size_t>(n));
    });
    ramie::dump_fd(ends[1], {.each_task = true});
    ::close(ends[1]);
    reader.join();
    ::close(ends[0]);
    CHECK(text.size() > 8192);
    CHECK(text.find("end of the dump") != std::string::npos);
    CHECK_THROWS_AS(ramie::dump_fd(-1), std::system_error);
    for (auto& h : all) h.abort();
    for (auto& h : all) (void)h.join();
}
