// A process that forbids itself system calls while a runtime works.
#include "child_process.hpp"
#include "refused_call.hpp"

#include <ramie/mutex.hpp>
#include <ramie/runtime.hpp>
#include <ramie/this_fiber.hpp>

#include <doctest/doctest.h>

#include <cerrno>
#include <cstdio>
#include <mutex>
#include <thread>
#include <vector>

using namespace ramie::testing;

namespace {

void refuse_membarrier() {
    if (!refuse_call(SYS_membarrier, EPERM)) ::_exit(77);
}

bool skipped(child_end const& end) {
    if (end.exited_with(77)) MESSAGE("skipped: no seccomp");
    return end.exited_with(77);
}

}  // namespace

TEST_CASE("sandbox: a runtime's tasks, its locks and its end go on without membarrier (forks)") {
    for (unsigned const workers : {1u, 4u}) {
        CAPTURE(workers);
        auto const end = in_child([&] {
            int count = 0;
            {
                ramie::runtime rt({.workers = workers});
                rt.block_on([&] {
                    ramie::mutex m;
                    std::vector<ramie::join_handle<void>> tasks;
                    for (int i = 0; i < 8; ++i)
                        tasks.push_back(ramie::spawn([&] {
                            for (int turn = 0; turn < 2000; ++turn) {
                                std::lock_guard const lock(m);
                                ++count;
                                if (turn % 64 == 0) ramie::this_fiber::yield();
                            }
                        }));
                    ramie::this_fiber::yield();
                    refuse_membarrier();
                    for (auto& t : tasks) t.get();
                });
                (void)rt.metrics();
            }
            std::printf("%d\n", count);
        });
        if (skipped(end)) return;
        CHECK(end.exited_with(0));
        CHECK(end.output == "16000\n");
    }
}

TEST_CASE("sandbox: what a lone worker has locked without atomics is shared with plain threads after that (forks)") {
    auto const end = in_child([] {
        ramie::mutex m;
        int count = 0;
        ramie::run({.current_thread = true}, [&] {
            for (int i = 0; i < 3; ++i) {  // it becomes this worker's own
                std::lock_guard const lock(m);
                ++count;
            }
            refuse_membarrier();
            std::vector<std::thread> others;
            for (int i = 0; i < 3; ++i)
                others.emplace_back([&] {
                    for (int turn = 0; turn < 3000; ++turn) {
                        std::lock_guard const lock(m);
                        ++count;
                    }
                });
            for (int turn = 0; turn < 3000; ++turn) {
                std::lock_guard const lock(m);
                ++count;
                if (turn % 16 == 0) ramie::this_fiber::yield();
            }
            for (auto& t : others) t.join();
        });
        std::printf("%d\n", count);
    });
    if (skipped(end)) return;
    CHECK(end.exited_with(0));
    CHECK(end.output == "12003\n");
}
