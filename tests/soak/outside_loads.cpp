// What needs threads, processes, files and other runtimes.
#include "load.hpp"
#include "tracked.hpp"

#include <ramie/ramie.hpp>

#include <array>
#include <csignal>
#include <filesystem>
#include <mutex>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <unistd.h>

using namespace std::chrono_literals;

namespace ramie::soak {

namespace {

using testing::tracked;

void jobs(chance& dice) {
    std::vector<join_handle<int>> all;
    for (int i = 0; i < 8; ++i)
        all.push_back(spawn_blocking([i, t = tracked(), d = dice.up_to(2ms)] {
            std::this_thread::sleep_for(d);
            return i;
        }));
    for (auto& j : all)
        if (dice.one_in(3)) j.abort();
    auto lent = spawn([d = dice.up_to(1ms)] { block_in_place([&] { std::this_thread::sleep_for(d); }); });
    for (auto& j : all) {
        auto const end = j.join();
        must(end || end.error().is_cancelled(), "a job failed");
    }
    lent.get();
}

void held_up(chance&) {  // workers that are stuck get spares
    std::vector<join_handle<void>> all;
    for (int i = 0; i < 8; ++i) all.push_back(spawn([] { std::this_thread::sleep_for(400ms); }));
    for (auto& t : all) t.get();
}

void children(chance& dice) {
    switch (dice.below(4)) {
    case 0: {
        auto const said = command("cat").in(stdio::null()).output();
        return must(said && said->status.success(), "cat of nothing");
    }
    case 1: {
        auto cat = command("cat").in(stdio::piped()).out(stdio::piped()).spawn().value();
        std::string const text(1000, 'x');
        std::string back(1000, '\0');
        must(cat.in->write_all(text).has_value() && cat.out->read_exactly(back).has_value() && back == text, "cat");
        return must(cat.wait().value().success(), "the end of cat");
    }
    case 2: {  // killed when its task is aborted
        auto sleeps = spawn([] { (void)command("sleep").arg("1000").kill_on_drop().status(); });
        this_fiber::sleep_for(dice.up_to(5ms));
        return (void)sleeps.abort_and_join();
    }
    default: must(!command("/nothing/such").spawn().has_value(), "a program that is not there");
    }
}

void files(chance& dice) {
    auto const path = (std::filesystem::temp_directory_path() /
                       ("ramie-soak-" + std::to_string(::getpid()) + "-" + std::to_string(dice.next()))).string();
    std::string const text(dice.below(100'000), 'x');
    must(write_file(path, text).has_value(), "write_file");
    must(read_file(path).value().size() == text.size(), "read_file");
    auto reads = spawn([&] {
        auto f = file::open(path).value();
        std::array<char, 100> part;
        for (std::uint64_t at = 0; auto const got = f.pread(part, at).value(); at += got) {}
    });
    this_fiber::sleep_for(dice.up_to(300us));
    if (dice.one_in(2)) reads.abort();
    (void)reads.join();
    must(::unlink(path.c_str()) == 0, "unlink");
}

void names(chance& dice) {
    auto asks = spawn([] { return resolve("localhost", 80).has_value(); });
    if (dice.one_in(4)) asks.abort();
    auto const end = asks.join();
    must(end ? *end : end.error().is_cancelled(), "localhost");
}

void dumps(chance& dice) {
    for (bool const backtraces : {false, true}) {
        auto const one = [each = dice.one_in(4), backtraces] {
            std::ostringstream text;
            dump(text, {.each_task = each, .backtraces = backtraces});
            return text.str().find("runtime") != std::string::npos;
        };
        must(dice.one_in(8) ? one() : spawn_blocking(one).get(), "a dump");  // in a task it keeps the worker
    }
    if (dice.one_in(2)) ::kill(::getpid(), SIGQUIT);  // to RAMIE_DUMP_FILE
}

void a_little_of_everything() {
    auto left = spawn([t = tracked()] { this_fiber::sleep_for(1h); });  // the end of the runtime aborts it
    auto listener = tcp_listener::bind(endpoint::loopback_v4(0)).value();
    auto calls = spawn([to = listener.local_endpoint()] { (void)tcp_stream::connect(to).value().write_all("hello"); });
    std::array<char, 5> text;
    must(listener.accept().value().read_exactly(text).has_value(), "hello");
    calls.get();
    spawn_blocking([] {}).get();
    spawn([own = std::move(listener)]() mutable { (void)own.accept(); }).detach();  // nobody calls
    left.detach();
    this_fiber::yield();
}

void runtimes(chance& dice) {
    runtime_options how;
    how.current_thread = dice.one_in(4);
    how.workers = how.current_thread ? 1 : static_cast<unsigned>(dice.below(3) + 1);
    how.dump_on = 0;
    std::thread([&] {
        runtime beside(how);
        beside.block_on([] {
            std::vector<join_handle<void>> all;
            for (int i = 0; i < 50; ++i) all.push_back(spawn([t = tracked()] { this_fiber::yield(); }));
            for (auto& t : all) t.get();
            a_little_of_everything();
        });
    }).join();
}

void threads(chance& dice) {
    auto const here = runtime_handle::current();
    mutex lock;
    int count = 0;
    std::vector<std::jthread> all;
    for (int i = 0; i < 3; ++i)
        all.emplace_back([&, own = chance(dice.next())]() mutable {
            for (int k = 0; k < 30; ++k) {
                auto task = here.spawn([&] {
                    std::lock_guard const held(lock);
                    ++count;
                });
                if (own.one_in(2)) task.get();
                else (void)task.join();
                std::lock_guard const held(lock);
                ++count;
            }
        });
    spawn_blocking([&] { all.clear(); }).get();
    must(count == 180, "what threads and tasks counted");
}

}  // namespace

std::vector<load> outside_loads() {
    return {{"jobs", jobs, 20ms},   {"held up", held_up, 20s}, {"children", children, 200ms}, {"files", files, 20ms},
            {"names", names, 50ms}, {"dumps", dumps, 5s},     {"runtimes", runtimes, 200ms}, {"threads", threads, 50ms}};
}

}  // namespace ramie::soak
