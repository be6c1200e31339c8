// What channels, select, join_set, timeout and semaphores promise, under many seeds.
#include "many_seeds.hpp"

#include <ramie/channel.hpp>
#include <ramie/join_set.hpp>
#include <ramie/random.hpp>
#include <ramie/select.hpp>
#include <ramie/semaphore.hpp>
#include <ramie/spawn.hpp>
#include <ramie/this_fiber.hpp>
#include <ramie/timeout.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <optional>
#include <stdexcept>
#include <vector>

using namespace std::chrono_literals;
using namespace ramie::testing;

namespace {

void pause_a_little() {
    ramie::this_fiber::sleep_for(std::chrono::microseconds(ramie::random_source().below(300)));
}

}  // namespace

TEST_CASE(
    "many seeds: a channel delivers each value that was sent once, and in each sender's order, whoever is aborted") {
    explore(many_seeds(), [] {
        auto [tx, rx] = ramie::channel<int>(1 + ramie::random_source().below(3));
        std::vector<int> sent, received;
        std::vector<ramie::join_handle<void>> senders;
        for (int s = 0; s < 3; ++s) {
            senders.push_back(ramie::spawn([&sent, s, to = tx]() mutable {
                for (int i = 0; i < 5; ++i) {
                    pause_a_little();
                    if (to.send(100 * s + i)) sent.push_back(100 * s + i);
                }
            }));
        }
        { auto const gone = std::move(tx); }
        auto receiver = ramie::spawn([&] {
            while (auto const got = rx.receive()) {
                received.push_back(*got);
                pause_a_little();
            }
        });
        pause_a_little();
        if (ramie::random_source().below(2) == 0) senders[0].abort();
        for (auto& each : senders) (void)each.join();
        receiver.get();
        for (int s = 0; s < 3; ++s) {
            std::vector<int> of_one;
            std::ranges::copy_if(received, std::back_inserter(of_one), [&](int v) { return v / 100 == s; });
            must(std::ranges::is_sorted(of_one), "a sender's values came in another order");
        }
        // One that was aborted may have sent its last value and not have noted that.
        std::ranges::sort(sent);
        std::ranges::sort(received);
        must(std::ranges::adjacent_find(received) == received.end(), "a value came twice");
        must(std::ranges::includes(received, sent), "a value was lost");
        must(received.size() <= sent.size() + 1, "more came than was sent");
    });
}

TEST_CASE("many seeds: the cases of a select that lose take nothing") {
    explore(many_seeds(), [] {
        auto [tx_a, rx_a] = ramie::channel<int>(1);
        auto [tx_b, rx_b] = ramie::channel<int>(1);
        auto const send_all = [](ramie::sender<int> to) {
            for (int i = 1; i <= 5; ++i) {
                pause_a_little();
                (void)to.send(int{i});
            }
        };
        auto a = ramie::spawn(send_all, std::move(tx_a)), b = ramie::spawn(send_all, std::move(tx_b));
        int sum = 0, open = 2;
        bool open_a = true, open_b = true;
        while (open > 0) {
            auto const take = [&](bool& is_open) {
                return [&](std::optional<int> v) {
                    if (v)
                        sum += *v;
                    else if (std::exchange(is_open, false))
                        --open;
                };
            };
            if (open_a && open_b)
                ramie::select(ramie::on_receive(rx_a, take(open_a)), ramie::on_receive(rx_b, take(open_b)),
                              ramie::on_sleep(50us, [] {}));
            else if (open_a)
                ramie::select(ramie::on_receive(rx_a, take(open_a)), ramie::on_sleep(50us, [] {}));
            else
                ramie::select(ramie::on_receive(rx_b, take(open_b)), ramie::on_sleep(50us, [] {}));
        }
        a.get();
        b.get();
        must(sum == 30, "a value was lost or came twice");
    });
}

TEST_CASE("many seeds: a join_set gives each member's end once, and none is left when it is aborted") {
    explore(many_seeds(), [] {
        int running = 0;
        struct counted {
            int& n;
            explicit counted(int& of) : n(of) { ++n; }
            ~counted() { --n; }
        };
        ramie::join_set<int> all;
        for (int i = 0; i < 8; ++i) {
            all.spawn([&running, i] {
                counted const here(running);
                pause_a_little();
                if (i % 4 == 3) throw std::runtime_error("planned");
                return i;
            });
        }
        int ends = 0, values = 0, failures = 0, cancelled = 0;
        auto const most = ramie::random_source().below(9);
        while (auto const end = all.join_next()) {
            ++ends;
            if (*end)
                ++values;
            else
                ++(end->error().is_cancelled() ? cancelled : failures);
            if (static_cast<std::uint64_t>(ends) == most) all.abort_all();
        }
        must(ends == 8, "not every member's end came once");
        must(failures <= 2, "more failed than were to");
        must(values + failures + cancelled == 8, "an end was of no kind");
        must(running == 0, "a member was left");
    });
}

TEST_CASE("many seeds: what runs out of time keeps no permit and loses none") {
    explore(many_seeds(), [] {
        ramie::semaphore permits(2);
        int inside = 0;
        std::vector<ramie::join_handle<void>> all;
        for (int i = 0; i < 6; ++i) {
            all.push_back(ramie::spawn([&] {
                (void)ramie::timeout(std::chrono::microseconds(ramie::random_source().below(400)), [&] {
                    auto const permit = permits.acquire();
                    struct in {
                        int& n;
                        explicit in(int& of) : n(of) { must(++n <= 2, "three are inside"); }
                        ~in() { --n; }
                    } const here(inside);
                    pause_a_little();
                });
            }));
        }
        pause_a_little();
        all[0].abort();
        for (auto& each : all) (void)each.join();
        must(inside == 0, "one is still inside");
        must(permits.available() == 2, "a permit is lost");
    });
}
