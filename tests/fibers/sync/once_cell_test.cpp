// once_cell: made once, whoever comes first; a maker that fails or is aborted lets the next one try.
#include "abort_at_each.hpp"
#include "both_ways.hpp"
#include "destroyed_while_waited.hpp"

#include <ramie/once_cell.hpp>
#include <ramie/spawn.hpp>
#include <ramie/this_fiber.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <expected>
#include <memory>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

using namespace ramie::testing;
using namespace std::chrono_literals;

TEST_CASE("once_cell: many ask, one makes the value, all get the same one") {
    both_ways([](one_thread_carrier& carrier) {
        ramie::once_cell<std::unique_ptr<int>> cell;
        CHECK(cell.get() == nullptr);
        int made = 0;
        std::vector<int*> got;
        std::vector<ramie::join_handle<void>> tasks;
        for (int i = 0; i < 4; ++i)
            tasks.push_back(ramie::spawn([&] {
                got.push_back(cell.get_or_init([&] {
                                      ++made;
                                      ramie::this_fiber::sleep_for(1ms);
                                      return std::make_unique<int>(5);
                                  }).get());
            }));
        carrier.run();
        CHECK(made == 1);
        CHECK(got == std::vector<int*>(4, cell.get()->get()));
        CHECK(cell.is_set());
    });
}

TEST_CASE("once_cell: a maker that throws or says unexpected leaves it empty, and the next one tries") {
    both_ways([](one_thread_carrier& carrier) {
        ramie::once_cell<int> cell;
        int tries = 0, got = 0;
        std::vector<ramie::join_handle<void>> tasks;
        for (int i = 0; i < 3; ++i)
            tasks.push_back(ramie::spawn([&] {
                got += cell.get_or_init([&] {
                    ramie::this_fiber::yield();
                    if (++tries == 1) throw std::runtime_error("first");
                    return 7;
                });
            }));
        carrier.drain();
        CHECK(tries == 2);
        CHECK(got == 14);
        CHECK(tasks[0].join().error().is_exception());

        ramie::once_cell<int> other;
        using outcome = std::expected<int, std::string>;
        CHECK(other.get_or_try_init([]() -> outcome { return std::unexpected("no"); }).error() == "no");
        CHECK_FALSE(other.is_set());
        CHECK(**other.get_or_try_init([]() -> outcome { return 3; }) == 3);
        CHECK(**other.get_or_try_init([]() -> outcome { return 4; }) == 3);
    });
}

TEST_CASE("once_cell: set works once, not while somebody makes the value, and keeps what it could not set") {
    both_ways([](one_thread_carrier& carrier) {
        ramie::once_cell<std::unique_ptr<int>> cell;
        auto task = ramie::spawn([&] {
            cell.get_or_init([] {
                ramie::this_fiber::sleep_for(1ms);
                return std::make_unique<int>(1);
            });
        });
        carrier.drain();
        auto mine = std::make_unique<int>(2);
        CHECK(cell.set(std::move(mine)).error() == ramie::set_error::initialising);
        CHECK(mine);
        carrier.run();
        CHECK(cell.set(std::move(mine)).error() == ramie::set_error::already_set);
        CHECK(mine);
        CHECK(**cell.take() == 1);
        CHECK(cell.set(std::move(mine)));
        CHECK(**cell.get() == 2);
        CHECK(*ramie::once_cell<int>(4).get() == 4);
    });
}

TEST_CASE("once_cell: a maker that asks for the value it makes is told") {
    ramie::once_cell<int> cell;
    CHECK_THROWS_AS(cell.get_or_init([&] { return cell.get_or_init([] { return 1; }); }), std::system_error);
    CHECK_FALSE(cell.is_set());
}

namespace {

struct making {
    ramie::once_cell<int> cell;
    ramie::join_handle<int> first, second;
    ramie::abort_handle victim;
    making() {
        auto const make = [this] {
            return cell.get_or_init([] {
                ramie::this_fiber::yield();
                ramie::this_fiber::sleep_for(1ms);
                return 9;
            });
        };
        first = ramie::spawn(make);
        second = ramie::spawn(make);
        victim = first.abort_handle();
    }
    void check() {
        CHECK(second.is_finished());
        CHECK(second.get() == 9);
        CHECK(*cell.get() == 9);
    }
};

}  // namespace

TEST_CASE("once_cell: an abort of the maker at any moment lets the next one make it") { abort_at_each_step<making>(); }

TEST_CASE("once_cell: plain threads make it once") {
    ramie::once_cell<int> cell;
    std::atomic<int> made{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i)
        threads.emplace_back([&] {
            CHECK(cell.get_or_init([&] {
                ++made;
                std::this_thread::sleep_for(1ms);
                return 6;
            }) == 6);
        });
    for (auto& t : threads) t.join();
    CHECK(made == 1);
}

TEST_CASE("once_cell: destroyed while a task waits on it says so") {
    dies_when_destroyed("once_cell", std::make_unique<ramie::once_cell<int>>(), [](ramie::once_cell<int>& cell) {
        auto maker = ramie::spawn([&] {
            cell.get_or_init([] {
                ramie::this_fiber::sleep_for(1h);
                return 1;
            });
        });
        ramie::this_fiber::yield();
        cell.get_or_init([] { return 2; });
    });
}
