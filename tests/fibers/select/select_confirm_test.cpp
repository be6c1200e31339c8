// A select whose winner, looking closer, finds nothing: it goes on, with nothing lost.
#include "both_ways.hpp"

#include <ramie/cancellation_token.hpp>
#include <ramie/channel.hpp>
#include <ramie/join_handle.hpp>
#include <ramie/notify.hpp>
#include <ramie/select.hpp>
#include <ramie/semaphore.hpp>
#include <ramie/spawn.hpp>
#include <ramie/timeout.hpp>

#include <doctest/doctest.h>

#include <optional>
#include <stdexcept>
#include <vector>

using namespace ramie::testing;
using namespace std::chrono_literals;
namespace detail = ramie::detail;

namespace {

auto const ignore = [](auto&&...) {};

// Something that rings, sometimes for nothing.
struct bell {
    detail::word_lock lock;
    detail::wait_queue listeners;
    int visitors = 0;
    int looks = 0;

    void ring() {
        detail::woken_list woken;
        lock.lock();
        listeners.claim_all(woken);
        lock.unlock();
    }
};

class bell_case {
  public:
    explicit bell_case(bell& of) : of_(of) {}
    bool poll() { return of_.visitors > 0 && of_.visitors-- > 0; }
    detail::enlisting enlist(detail::waiter& self, std::uint64_t g) {
        std::lock_guard const held(of_.lock);
        node_.emplace(self, g);
        of_.listeners.push_back(*node_);
        return detail::enlisting::queued;
    }
    bool withdraw() noexcept {
        detail::leave_line(of_.listeners, of_.lock, *node_);
        return node_->fired;
    }
    detail::time_point limit() const noexcept { return detail::never; }
    bool confirm() {
        ++of_.looks;
        if (of_.visitors < 0) throw std::runtime_error("a burglar");
        return poll();
    }
    void complete() {}

  private:
    bell& of_;
    std::optional<detail::wait_node> node_;
};

}  // namespace

TEST_CASE("select: whoever rings for nothing does not end it, and the other cases still count") {
    both_ways([](one_thread_carrier& carrier) {
        bell door;
        auto [tx, rx] = ramie::channel<int>(1);
        ramie::notify signal;
        ramie::semaphore gate(0);
        ramie::cancellation_token token;
        std::optional<ramie::semaphore::permit> kept;
        auto const keep = [&](auto permit) { if (permit) kept.emplace(std::move(*permit)); };
        std::vector<std::size_t> won;
        auto never_ends = ramie::spawn([] { ramie::this_fiber::sleep_for(2h); });
        auto task = ramie::spawn([&] {
            for (int i = 0; i < 6; ++i) {
                won.push_back(ramie::select(bell_case(door), ramie::on_receive(rx, ignore), ramie::on_notified(signal, ignore),
                                            ramie::on_acquire(gate, 1, keep), ramie::on_cancelled(token, ignore),
                                            ramie::on_join(never_ends, ignore), ramie::on_sleep(1h, ignore)));
            }
        });
        auto const ring_for_nothing = [&] {
            for (int i = 0; i < 3; ++i) {
                carrier.drain();
                door.ring();
            }
            carrier.drain();
        };
        ring_for_nothing();
        door.visitors = 1;
        door.ring();
        ring_for_nothing();
        CHECK(tx.send(1));
        ring_for_nothing();
        signal.notify_one();
        ring_for_nothing();
        gate.release();
        ring_for_nothing();
        carrier.advance(1h);
        ring_for_nothing();
        token.cancel();
        carrier.drain();
        CHECK(won == std::vector<std::size_t>{0, 1, 2, 3, 6, 4});
        CHECK(door.looks == 3 * 6 + 1);
        CHECK(rx.size() == 0);
        CHECK(gate.available() == 0);
        CHECK(kept->count() == 1);
        kept.reset();
        task.get();
        never_ends.abort();
        carrier.run();
    });
}

TEST_CASE("select: after a ring for nothing an abort, a timeout or an error of the closer look ends it") {
    both_ways([](one_thread_carrier& carrier) {
        bell door;
        bool timed_out = false, failed = false;
        auto task = ramie::spawn([&] {
            timed_out = !ramie::timeout(1s, [&] { ramie::select(bell_case(door)); }).has_value();
            try {
                ramie::select(bell_case(door), ramie::on_sleep(1h, ignore));
            } catch (std::runtime_error const&) {
                failed = true;
            }
            ramie::select(bell_case(door));
        });
        carrier.drain();
        door.ring();
        carrier.drain();
        carrier.advance(1s);
        carrier.drain();
        CHECK(timed_out);
        door.visitors = -1;
        door.ring();
        carrier.drain();
        CHECK(failed);
        door.visitors = 0;
        door.ring();
        task.abort();
        carrier.drain();
        CHECK(task.join().error().is_cancelled());
        CHECK(door.listeners.empty());
    });
}
