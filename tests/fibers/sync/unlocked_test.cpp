// User code runs under no lock of the library: a value's destructor uses the very thing that held the value. Under its
// lock it would hang, or throw out of a destructor.
#include "both_ways.hpp"

#include <ramie/broadcast.hpp>
#include <ramie/channel.hpp>
#include <ramie/fiber_local.hpp>
#include <ramie/join_set.hpp>
#include <ramie/notify.hpp>
#include <ramie/once_cell.hpp>
#include <ramie/oneshot.hpp>
#include <ramie/promise.hpp>
#include <ramie/scope.hpp>
#include <ramie/select.hpp>
#include <ramie/spawn.hpp>
#include <ramie/task_tracker.hpp>
#include <ramie/this_fiber.hpp>
#include <ramie/watch.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <system_error>
#include <utility>
#include <vector>

using namespace ramie::testing;

namespace {

// What destructors, copies and (if it says so) moves of a `nosy` do.
std::function<void()> look;
int looks = 0;

void look_once() {
    auto const doing = std::exchange(look, nullptr);  // not again from within
    if (!doing) return;
    ++looks;
    doing();
    look = doing;
}

// Moved-from ones do not look.
class nosy {
  public:
    explicit nosy(int n) : value(n) {}
    nosy(nosy&& other) noexcept : value(other.value), here_(std::exchange(other.here_, false)) {}
    nosy(nosy const& other) : value(other.value) { look_once(); }
    nosy& operator=(nosy&& other) noexcept {
        if (here_) look_once();
        value = other.value;
        here_ = std::exchange(other.here_, false);
        return *this;
    }
    ~nosy() {
        if (here_) look_once();
    }
    int value;

  private:
    bool here_ = true;
};

// One whose moves and moved-from remains look, too.
struct very_nosy {
    explicit very_nosy(int n) : value(n) {}
    very_nosy(very_nosy&& other) noexcept : value(other.value) { look_once(); }
    very_nosy& operator=(very_nosy&& other) noexcept {
        value = other.value;
        look_once();
        return *this;
    }
    ~very_nosy() { look_once(); }
    int value;
};

// Runs f with that look; at least once something must have looked.
template <class F>
void looking(std::function<void()> how, F&& f) {
    look = std::move(how);
    looks = 0;
    std::forward<F>(f)();
    look = nullptr;
    CHECK(looks > 0);
}

}  // namespace

TEST_CASE("unlocked: a channel's values are destroyed outside its lock") {
    auto [tx, rx] = ramie::unbounded_channel<nosy>();
    auto other = tx;
    looking([&] { (void)tx.size(), (void)other.try_send(nosy(9)); }, [&] {
        CHECK(tx.send(nosy(1)));
        CHECK(tx.try_send(nosy(2)));
        { auto const received = rx.receive(); }
        { auto const received = rx.try_receive(); }
        std::vector<nosy> many;
        CHECK(tx.send(nosy(3)));
        CHECK(rx.receive_many(many, 3) > 0);
        many.clear();
        int got = 0;
        CHECK(tx.send(nosy(4)));
        ramie::select(ramie::on_receive(rx, [&](std::optional<nosy> v) { got = v->value; }));
        CHECK(got > 0);
        auto permit = tx.reserve();
        if (permit) CHECK(permit->send(nosy(5)));
        rx = {};  // destroys what is left
        CHECK_FALSE(tx.send(nosy(6)));
    });
}

TEST_CASE("unlocked: a broadcast's values are copied and destroyed outside its lock") {
    auto [tx, rx] = ramie::broadcast<nosy>(2);
    auto second = tx.subscribe();
    looking([&] { (void)tx.receiver_count(), (void)tx.send(nosy(9)), (void)tx.downgrade().upgrade(); }, [&] {
        for (int i = 0; i < 5; ++i) CHECK(tx.send(nosy(i)));  // overwrites
        for (int i = 0; i < 3; ++i) (void)rx.try_receive();
        (void)rx.receive();
        second = {};
        rx = {};
        CHECK_FALSE(tx.send(nosy(6)));
    });
}

TEST_CASE("unlocked: a watch's values are destroyed when other senders may go on") {
    auto [tx, rx] = ramie::watch<nosy>(nosy(0));
    auto other = tx;
    // Copying is part of a modification, and may look but not send.
    bool sends = true;
    looking(
        [&] {
            (void)other.receiver_count();
            if (sends) (void)other.send(nosy(9));
        },
        [&] {
            CHECK(tx.send(nosy(1)));
            { auto const old = tx.send_replace(nosy(2)); }
            auto const modify = [&](auto change) {
                sends = false;  // while it is copied
                return tx.send_if_modified([&](nosy& value) {
                    sends = true;
                    return change(value);
                });
            };
            CHECK(modify([](nosy& value) { return value.value = 3, true; }));
            CHECK_FALSE(modify([](nosy&) { return false; }));
            CHECK_THROWS_AS(modify([](nosy&) -> bool { throw std::runtime_error("no"); }), std::runtime_error);
            sends = false;
            tx.send_modify([&](nosy& value) {
                sends = true;
                value.value = 4;
            });
            { auto const borrowed = rx.borrow(); }
            rx = {};
            CHECK_FALSE(tx.send(nosy(5)));
        });
    look = nullptr;
    CHECK_THROWS_AS(tx.send_modify([&](nosy&) { (void)other.send_replace(nosy(9)); }), std::system_error);
}

TEST_CASE("unlocked: a oneshot's value is moved and destroyed outside its lock") {
    both_ways([](one_thread_carrier& carrier) {
        auto [tx, rx] = ramie::oneshot<very_nosy>();
        looking([&] { (void)rx.try_receive(); }, [&] { CHECK(tx.send(very_nosy(1))); });
        {
            auto [to, from] = ramie::oneshot<very_nosy>();
            auto waiting = ramie::spawn([&] { return from.receive()->value; });
            carrier.drain();
            looking([&, core = &ramie::detail::access::held(from)] { (void)core->is_closed(); }, [&] {
                CHECK(to.send(very_nosy(2)));
                carrier.drain();
            });
            CHECK(waiting.get() == 2);
        }
        {
            auto [to, from] = ramie::oneshot<very_nosy>();
            CHECK(to.send(very_nosy(3)));
            looking([&, &f = from] { (void)f.try_receive(); }, [&] { CHECK(from.try_receive()->value == 3); });
        }
        {
            auto [to, from] = ramie::oneshot<very_nosy>();
            auto* const core = &ramie::detail::access::held(from);
            CHECK(to.send(very_nosy(4)));
            looking([&] { (void)core->is_closed(); }, [&] { from = {}; });  // unreceived
        }
        {
            auto [to, from] = ramie::oneshot<very_nosy>();
            auto* const core = &ramie::detail::access::held(from);
            auto const kept = to.is_closed();
            CHECK_FALSE(kept);
            from.close();
            very_nosy mine(5);
            looking([&] { (void)core->is_closed(); }, [&] { CHECK_FALSE(to.send(std::move(mine))); });
            CHECK(mine.value == 5);
        }
    });
}

TEST_CASE("unlocked: what is left of a once_cell's making is destroyed when others may go on") {
    both_ways([](one_thread_carrier& carrier) {
        // Its destructor waits until another has the value, or has tried in vain.
        struct slow_to_go {
            ramie::notify* until;
            explicit slow_to_go(ramie::notify& n) : until(&n) {}
            slow_to_go(slow_to_go const&) = delete;
            ~slow_to_go() {
                ramie::abort_shield const whole;
                until->wait();
            }
            operator int() && { return 7; }
        };
        ramie::once_cell<int> cell;
        ramie::notify other_has_it;
        auto first = ramie::spawn([&] {
            return cell.get_or_init([&] {
                ramie::this_fiber::yield();
                return slow_to_go(other_has_it);
            });
        });
        auto second = ramie::spawn([&] { return cell.get_or_init([] { return 8; }); });
        carrier.drain();
        REQUIRE(second.is_finished());
        CHECK(second.get() == 7);
        other_has_it.notify_one();
        carrier.drain();
        CHECK(first.get() == 7);
    });
}

TEST_CASE("unlocked: results of tasks, futures and locals are destroyed outside all locks") {
    both_ways([](one_thread_carrier& carrier) {
        ramie::scope children;
        ramie::task_tracker tracker;
        auto set = std::make_optional<ramie::join_set<nosy>>();
        looking([&] { (void)children.size(), (void)tracker.size(), children.abort_all(); }, [&] {
            children.spawn([] { return nosy(1); }).detach();
            tracker.spawn([] { return nosy(2); }).detach();
            carrier.drain();
        });
        looking([&] { (void)tracker.size(); }, [&] {
            set->spawn([] { return nosy(3); });
            carrier.drain();
            set->detach_all();
            set->spawn([] { return nosy(4); });
            carrier.drain();
            set.reset();
        });
        auto p = std::make_optional<ramie::promise<nosy>>();
        auto f = std::make_optional(p->get_future().share());
        looking([&] { (void)tracker.size(); }, [&] {
            p->set_value(nosy(5));
            f.reset();
            p.reset();
        });
        static ramie::fiber_local<nosy> local;
        looking([&] { (void)local.is_set(); }, [&] {
            ramie::spawn([] {
                local.set(nosy(6));
                local.set(nosy(7));
            }).detach();
            carrier.drain();
        });
        auto waits = ramie::spawn([&] { children.wait(); });
        carrier.drain();
        waits.get();
    });
}
