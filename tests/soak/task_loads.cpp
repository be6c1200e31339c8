// Storms of tasks that wait for everything and are aborted, timeouts that pass and that do not, selects.
#include "load.hpp"
#include "tracked.hpp"

#include <ramie/cancellation_token.hpp>
#include <ramie/channel.hpp>
#include <ramie/join_set.hpp>
#include <ramie/mutex.hpp>
#include <ramie/notify.hpp>
#include <ramie/oneshot.hpp>
#include <ramie/scoped_task.hpp>
#include <ramie/select.hpp>
#include <ramie/semaphore.hpp>
#include <ramie/spawn.hpp>
#include <ramie/this_fiber.hpp>
#include <ramie/timeout.hpp>

#include <mutex>
#include <utility>
#include <vector>

using namespace std::chrono_literals;

namespace ramie::soak {

namespace {

using testing::tracked;

// What the tasks of a storm wait for.
struct everything {
    mutex lock;
    semaphore permits{0};
    notify bell;
    cancellation_token token;
    std::pair<sender<tracked>, receiver<tracked>> pipe = channel_ends();

    static std::pair<sender<tracked>, receiver<tracked>> channel_ends() {
        auto [tx, rx] = channel<tracked>(1);
        return {std::move(tx), std::move(rx)};
    }

    void wait_somehow(std::uint64_t how) {
        switch (how) {
        case 0: return this_fiber::sleep_for(1h);
        case 1: {
            std::lock_guard const held(lock);
            return this_fiber::sleep_for(50us);
        }
        case 2: return (void)permits.acquire();
        case 3: return bell.wait();
        case 4: return token.wait();
        case 5: return (void)pipe.second.receive();
        case 6: return (void)pipe.first.send(tracked());
        case 7: return (void)scoped_task(spawn([] { this_fiber::sleep_for(1h); })).join();
        case 8: return (void)timeout(1ms, [] { this_fiber::sleep_for(1h); });
        case 9:
            return (void)select(on_sleep(1h, [] {}), on_cancelled(token, [] {}), on_notified(bell, [] {}),
                                on_receive(pipe.second, [](auto&&) {}));
        default:
            for (int i = 0; i < 20; ++i) this_fiber::yield();
        }
    }
};

void storm(chance& dice) {
    everything shared;
    std::vector<join_handle<void>> tasks;
    auto const count = 20 + dice.below(400);
    for (std::uint64_t i = 0; i < count; ++i) {
        task_options options;
        if (dice.one_in(50)) options.stack_size = 1 << 20;
        tasks.push_back(spawn(options, [&shared, how = dice.below(11), t = tracked()] { shared.wait_somehow(how); }));
    }
    for (auto n = dice.below(4); n > 0; --n) this_fiber::sleep_for(dice.up_to(500us));
    for (auto n = count / 2; n > 0; --n) tasks[dice.below(count)].abort();
    if (dice.one_in(2)) shared.token.cancel();
    if (dice.one_in(2)) shared.bell.notify_all();
    if (dice.one_in(2)) shared.permits.release(3);
    this_fiber::yield();
    for (auto& t : tasks) t.abort();
    for (auto& t : tasks) {
        auto const end = t.join();
        must(end || end.error().is_cancelled(), "a task of a storm failed");
    }
}

void timeouts(chance& dice) {
    join_set<bool> set;
    for (int i = 0; i < 40; ++i)
        set.spawn([own = chance(dice.next())]() mutable {
            auto const inner = own.up_to(800us), outer = own.up_to(800us), work = own.up_to(800us);
            return timeout(outer, [&] { return timeout(inner, [&] { this_fiber::sleep_for(work); }).has_value(); }).value_or(false);
        });
    while (auto const end = set.join_next()) must(end->has_value(), "a timeout failed");
}

void selects(chance& dice) {
    auto [tx, rx] = channel<tracked>(dice.below(3) + 1);
    auto [one, other] = oneshot<tracked>();
    auto sends = scoped_task(spawn([tx = std::move(tx), one = std::move(one), own = chance(dice.next())]() mutable {
        for (int i = 0; i < 100; ++i) {
            if (own.one_in(10)) this_fiber::sleep_for(own.up_to(100us));
            tracked value(i);
            must(select(on_send(tx, value, [](auto&&) {}), on_sleep(1min, [] {})) == 0, "nobody received");
        }
        if (own.one_in(2)) (void)one.send(tracked());
    }));
    int got = 0;
    for (bool open = true; open;)
        select(on_receive(rx, [&](auto&& v) { v ? void(++got) : void(open = false); }), on_sleep(50us, [] {}));
    must(got == 100, "a message was lost");
    (void)other.receive();
    sends.join().value();
}

void bursts(chance&) {  // more tasks at once than there are usually
    std::vector<join_handle<void>> tasks;
    for (int i = 0; i < 3000; ++i) tasks.push_back(spawn([] { this_fiber::sleep_for(2ms); }));
    for (auto& t : tasks) t.get();
}

void failures(chance& dice) {
    std::vector<join_handle<int>> tasks;
    for (int i = 0; i < 50; ++i)
        tasks.push_back(spawn([i, t = tracked()]() -> int {
            this_fiber::yield();
            if (i % 2 == 0) throw std::runtime_error("on purpose");
            return i;
        }));
    if (dice.one_in(4)) return;  // nobody receives them
    for (int i = 0; i < 50; ++i) must(tasks[static_cast<std::size_t>(i)].join().has_value() == (i % 2 != 0), "a failure");
}

}  // namespace

std::vector<load> task_loads() {
    return {{"storm", storm, 5ms}, {"timeouts", timeouts, 5ms}, {"selects", selects, 5ms}, {"bursts", bursts, 500ms}, {"failures", failures, 20ms}};
}

}  // namespace ramie::soak
