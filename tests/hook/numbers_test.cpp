// libramie-hook: numbers that are closed by some and opened by others, and numbers that nobody opened.
#include "chance.hpp"
#include "io/plain_fds.hpp"

#include <atomic>
#include <thread>
#include <vector>

#include <unistd.h>

using namespace ramie::testing;

TEST_CASE("numbers: a fiber waits on one that a thread is just done with closing") {
    // Threads close numbers that fibers get next, before they have forgotten what they closed.
    ramie::run({.workers = 2}, [] {
        std::atomic<bool> done{false};
        std::vector<std::thread> threads;
        for (int i = 0; i < 2; ++i)
            threads.emplace_back([&] {
                while (!done)
                    for (int j = 0; j < 20; ++j) ::close(::dup(0));
            });
        auto const talk = [] {
            int wrong = 0;
            for (std::size_t i = 0; i < rounds(2000); ++i) {
                auto ends = pipe_pair();
                auto writing = ramie::spawn([&] { return ::write(ends.there, "x", 1); });
                char b;
                wrong += result_of([&] { return ::read(ends.here, &b, 1); }) != said{1, 0};
                wrong += writing.get() != 1;
            }
            return wrong;
        };
        auto other = ramie::spawn(talk);
        CHECK(talk() == 0);
        CHECK(other.get() == 0);
        done = true;
        for (auto& each : threads) each.join();
    });
}
