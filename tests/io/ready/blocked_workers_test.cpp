// All workers block their threads in foreign code; descriptors that become ready meanwhile are served all the same.
#include "environment.hpp"
#include "sockets.hpp"

#include <ramie/runtime.hpp>
#include <ramie/this_fiber.hpp>
#include <ramie/unix_stream.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <future>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using ramie::testing::no_forced_migration;

TEST_CASE("blocked workers: what a socket brings frees them, whether it comes before or after they block") {
    no_forced_migration const unset;
    for (unsigned workers : {1u, 2u}) {
        for (unsigned more : {0u, 2u}) {
            CAPTURE(workers);
            CAPTURE(more);
            ramie::runtime rt({.workers = workers, .stall_threshold = 2ms});
            for (int round = 0; round < 5; ++round) {
                int ends[2];
                REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
                std::promise<void> first, second;
                std::atomic<int> reads{0};
                auto reader = rt.spawn([&, fd = ends[0]] {
                    auto stream = ramie::unix_stream::adopt(ramie::unique_fd(fd)).value();
                    std::byte one[1];
                    for (auto* next : {&first, &second}) {
                        if (stream.read(one).value_or(0) == 0) return;
                        ++reads;
                        next->set_value();
                    }
                });
                std::atomic<unsigned> blocked{0};
                auto const block_all = [&](std::promise<void>& until) {
                    auto const opened = until.get_future().share();
                    std::vector<ramie::join_handle<void>> tasks;
                    blocked = 0;
                    for (unsigned i = 0; i < workers + more; ++i) {
                        tasks.push_back(rt.spawn([&blocked, opened] {
                            ++blocked;
                            opened.wait();
                        }));
                    }
                    return tasks;
                };
                auto tasks = block_all(first);
                while (blocked < workers + more) std::this_thread::sleep_for(100us);
                REQUIRE(::write(ends[1], "1", 1) == 1);
                for (auto& t : tasks) t.get();
                tasks = block_all(second);
                REQUIRE(::write(ends[1], "2", 1) == 1);
                for (auto& t : tasks) t.get();
                reader.get();
                CHECK(reads.load() == 2);
                ::close(ends[1]);
            }
        }
    }
}
