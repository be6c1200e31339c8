#include <ramie/resolve.hpp>

#include "child_process.hpp"
#include "sockets.hpp"
#include "stub_resolver.hpp"
#include "temp_directory.hpp"

#include <ramie/file.hpp>
#include <ramie/posix.hpp>
#include <ramie/spawn.hpp>
#include <ramie/spawn_blocking.hpp>

#include <algorithm>
#include <atomic>
#include <fstream>

#include <netdb.h>
#include <sys/resource.h>
#include <unistd.h>

using namespace ramie::testing;
using ramie::endpoint;
using ramie::resolve;

TEST_CASE("resolve: a numeric address is taken as it is, anywhere") {
    CHECK(resolve("127.0.0.1", 80).value() == std::vector{endpoint::loopback_v4(80)});
    CHECK(resolve("::1", 81).value() == std::vector{endpoint::loopback_v6(81)});
    ramie::run({.workers = 1}, [] { CHECK(resolve("127.0.0.1", 80).value() == std::vector{endpoint::loopback_v4(80)}); });
}

TEST_CASE("resolve: localhost is this machine, each address once") {
    auto const check = [] {
        auto found = resolve("localhost", 99).value();
        REQUIRE_FALSE(found.empty());
        for (auto const& each : found) CHECK((each == endpoint::loopback_v4(99) || each == endpoint::loopback_v6(99)));
        std::sort(found.begin(), found.end());
        CHECK(std::adjacent_find(found.begin(), found.end()) == found.end());
    };
    check();
    on_each_runtime(check);
}

TEST_CASE("resolve: names that are none") {
    auto const check = [] {
        CHECK(error_in(resolve("", 1)) == std::error_code(EAI_NONAME, ramie::resolve_category()));
        CHECK(error_in(resolve(std::string_view("localhost\0evil", 14), 1)).category() == ramie::resolve_category());
        auto const wrong = resolve("no host has a space", 1);
        REQUIRE_FALSE(wrong.has_value());
        CHECK(error_in(wrong).category() == ramie::resolve_category());
        CHECK_FALSE(error_in(wrong).message().empty());
        CHECK(error_in(resolve(std::string(2000, 'x'), 1)).category() == ramie::resolve_category());
    };
    check();
    ramie::run({.workers = 2}, check);
}

TEST_CASE("resolve: other fibers run meanwhile, and many may ask at once") {
    ramie::run({.workers = 1}, [] {
        std::vector<ramie::join_handle<bool>> asking;
        for (int i = 0; i < 50; ++i) asking.push_back(ramie::spawn([] { return resolve("localhost", 1).has_value(); }));
        for (auto& each : asking) CHECK(each.get());
    });
}

TEST_CASE("resolve: an abort or a timeout returns at once, and the question ends unheard") {
    on_each_runtime([] {
        auto asking = ramie::spawn([] { return resolve("localhost", 1).has_value(); });
        auto const end = asking.abort_and_join();
        CHECK((end.has_value() || end.error().is_cancelled()));
        (void)ramie::timeout(0s, [] { return resolve("localhost", 1).has_value(); });
    });
}

TEST_CASE("resolve: how a question fails, by kind, as libc tells it (in a child that dies)") {
    using stub = stub_resolver;
    auto const end = in_own_network(
        {{'f', stub::found},
         {'g', stub::no_such_name},
         {'n', stub::nothing_of_that_kind},
         {'b', stub::broken},
         {'r', stub::refused},
         {'s', stub::silence}},
        "timeout:1 attempts:1", [](stub&) {
            ramie::run({.workers = 2}, [] {
                for (auto const* name :
                     {"found.test", "gone.test", "none.test", "broken.test", "refused.test", "silent.test"}) {
                    auto const answer = resolve(name, 80);
                    addrinfo* list = nullptr;
                    auto const code = ramie::posix::getaddrinfo(name, "80", nullptr, &list);
                    if (code == 0) ::freeaddrinfo(list);
                    bool const same =
                        answer ? code == 0 : answer.error() == std::error_code(code, ramie::resolve_category());
                    std::printf("%s: %s%s\n", name,
                                answer ? to_string(answer->front()).c_str() : answer.error().message().c_str(),
                                same ? "" : ", and libc says something else");
                }
            });
        });
    if (end.exited_with(42)) MESSAGE("skipped: no network namespace may be made here");
    else CHECK(end.output == "found.test: 192.0.2.7:80\n"
                             "gone.test: Name or service not known\n"
                             "none.test: No address associated with hostname\n"
                             "broken.test: Temporary failure in name resolution\n"
                             "refused.test: Temporary failure in name resolution\n"
                             "silent.test: Temporary failure in name resolution\n");
}

TEST_CASE("resolve: what the system refuses fails with the system's error (in a child that dies)") {
    auto const end = in_child([] {
        ramie::run({.workers = 1}, [] {
            (void)resolve("localhost", 1);  // loads and starts all that the first look-up needs
            rlimit const no_descriptors{0, 0};
            if (::setrlimit(RLIMIT_NOFILE, &no_descriptors) != 0) ::_exit(42);
            addrinfo* list = nullptr;
            if (::getaddrinfo("localhost", "1", nullptr, &list) != EAI_SYSTEM) ::_exit(42);
            auto const answer = resolve("localhost", 1);
            bool const same = error_in(answer) == std::error_code(EMFILE, std::system_category());
            std::puts(same ? "too many open files" : error_in(answer).message().c_str());
        });
    });
    if (end.exited_with(42)) MESSAGE("skipped: libc needs no descriptor, or does not say why it fails");
    else CHECK(end.output == "too many open files\n");
}

TEST_CASE(
    "resolve: ten thousand look-ups that no server answers leave a thread for other calls (in a child that dies)") {
    temp_directory const dir;
    std::ofstream(dir / "file") << "here";
    constexpr std::size_t many = 10'000;
    auto const end = in_own_network({{'s', stub_resolver::silence}}, "timeout:30 attempts:5", [&](stub_resolver&) {
        ramie::runtime rt({.workers = 2});
        rt.block_on([&] {
            std::atomic<int> over{0};
            for (std::size_t i = 0; i < many; ++i) {
                ramie::spawn([&, i] {
                    (void)resolve("silent-" + std::to_string(i) + ".test", 1);
                    ++over;
                }).detach();
            }
            // All threads for look-ups are busy, the other look-ups wait.
            while (rt.metrics().blocking_queued != many - 128) ramie::this_fiber::sleep_for(1ms);
            std::puts(soon([&] { return ramie::read_file(dir / "file"); }).value().c_str());
            soon([&] { return ramie::write_file(dir / "file", "there"); }).value();
            std::puts(soon([&] { return ramie::read_file(dir / "file"); }).value().c_str());
            std::puts(soon([&] { return ramie::spawn_blocking([] { return "a job"; }).get(); }));
            std::printf("%d look-ups are over\n", over.load());
            std::fflush(stdout);
            ::_exit(0);
        });
    });
    if (end.exited_with(42))
        MESSAGE("skipped: no network namespace may be made here");
    else
        CHECK(end.output == "here\nthere\na job\n0 look-ups are over\n");
}

TEST_CASE("resolve: look-ups that were given up on do not stand in the way of others (in a child that dies)") {
    using stub = stub_resolver;
    auto const end =
        in_own_network({{'f', stub::found}, {'s', stub::silence}}, "timeout:30 attempts:5", [](stub& server) {
            // Four look-ups at once, and four more that are abandoned.
            ramie::runtime rt({.workers = 2, .max_blocking_threads = 16});
            rt.block_on([&] {
                auto const ask = [] { (void)resolve("silent.test", 1); };
                std::vector<ramie::join_handle<void>> running, queued;
                for (int i = 0; i < 4; ++i) running.push_back(ramie::spawn(ask));
                while (server.asked() < 8) ramie::this_fiber::sleep_for(1ms);  // each has asked for both families
                for (int i = 0; i < 96; ++i) queued.push_back(ramie::spawn(ask));
                while (rt.metrics().blocking_queued < 96) ramie::this_fiber::sleep_for(1ms);
                for (auto& each : queued) (void)soon([&] { return each.abort_and_join(); });
                for (auto& each : running) (void)soon([&] { return each.abort_and_join(); });
                std::puts(to_string(soon([] { return resolve("found.test", 80); }).value().front()).c_str());
                auto const now = rt.metrics();
                std::printf("%u left behind, %zu queued\n", now.blocking_left_behind, now.blocking_queued);
                std::fflush(stdout);
                ::_exit(0);
            });
        });
    if (end.exited_with(42))
        MESSAGE("skipped: no network namespace may be made here");
    else
        CHECK(end.output == "192.0.2.7:80\n4 left behind, 0 queued\n");
}

TEST_CASE("resolve: without a thread to ask on, the error is the system's (in a child that dies)") {
    auto const end = in_child([] {
        ramie::run({.workers = 1}, [] {
            rlimit const no_more{0, 0};
            if (::setrlimit(RLIMIT_NPROC, &no_more) != 0 || ::setresuid(54321, 54321, 54321) != 0) ::_exit(42);
            auto const answer = resolve("localhost", 1);
            std::puts(error_in(answer) == std::errc::resource_unavailable_try_again ? "try again" : "?");
            std::fflush(stdout);
            ::_exit(0);
        });
    });
    if (end.exited_with(42))
        MESSAGE("skipped: only root may become a user without threads");
    else
        CHECK(end.output == "try again\n");
}
