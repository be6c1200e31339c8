// Only the winner of a select takes effect: every pairing of cases that become ready at the same moment.
#include "both_ways.hpp"

#include <ramie/broadcast.hpp>
#include <ramie/cancellation_token.hpp>
#include <ramie/channel.hpp>
#include <ramie/join_handle.hpp>
#include <ramie/notify.hpp>
#include <ramie/oneshot.hpp>
#include <ramie/select.hpp>
#include <ramie/semaphore.hpp>
#include <ramie/spawn.hpp>
#include <ramie/watch.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <memory>
#include <vector>

using namespace ramie::testing;
using namespace std::chrono_literals;

namespace {

// A case of any kind, so that one select is compiled and not one per pairing.
class any_case {
  public:
    template <class C>
    explicit any_case(C c) : real_(std::make_unique<of<C>>(std::move(c))) {}
    bool poll() { return real_->poll(); }
    ramie::detail::enlisting enlist(ramie::detail::waiter& self, std::uint64_t g) { return real_->enlist(self, g); }
    bool withdraw() noexcept { return real_->withdraw(); }
    ramie::detail::time_point limit() const noexcept { return real_->limit(); }
    void complete() { real_->complete(); }

  private:
    struct any {
        virtual ~any() = default;
        virtual bool poll() = 0;
        virtual ramie::detail::enlisting enlist(ramie::detail::waiter& self, std::uint64_t g) = 0;
        virtual bool withdraw() noexcept = 0;
        virtual ramie::detail::time_point limit() const noexcept = 0;
        virtual void complete() = 0;
    };
    template <class C>
    struct of final : any {
        explicit of(C c) : real(std::move(c)) {}
        bool poll() override { return real.poll(); }
        ramie::detail::enlisting enlist(ramie::detail::waiter& self, std::uint64_t g) override { return real.enlist(self, g); }
        bool withdraw() noexcept override { return real.withdraw(); }
        ramie::detail::time_point limit() const noexcept override { return real.limit(); }
        void complete() override { real.complete(); }
        C real;
    };
    std::unique_ptr<any> real_;
};

// A thing to select on. fire() makes it ready, from outside; won() is called by its handler; intact() says, when all is
// over, that what fire() gave is still there for the next one.
struct thing {
    virtual ~thing() = default;
    virtual any_case as_case() = 0;
    virtual void fire(one_thread_carrier&) = 0;
    virtual bool won() = 0;
    virtual bool intact() = 0;
    // Its clock starts when the case is made.
    virtual bool is_timed() const { return false; }
};

struct receives : thing {
    std::pair<ramie::sender<int>, ramie::receiver<int>> ends = ramie::channel<int>(1);
    int taken = 0;
    any_case as_case() override {
        return any_case(ramie::on_receive(ends.second, [this](std::optional<int> v) { taken += v.value(); }));
    }
    void fire(one_thread_carrier&) override { CHECK(ends.first.try_send(1)); }
    bool won() override { return taken == 1; }
    bool intact() override { return taken == 0 && ends.second.try_receive() == 1; }
};

struct sends : thing {
    std::pair<ramie::sender<std::unique_ptr<int>>, ramie::receiver<std::unique_ptr<int>>> ends =
        ramie::channel<std::unique_ptr<int>>(1);
    std::unique_ptr<int> value = std::make_unique<int>(5);
    bool sent = false;
    sends() { CHECK(ends.first.try_send(nullptr)); }
    any_case as_case() override {
        return any_case(
            ramie::on_send(ends.first, value, [this](std::expected<void, ramie::channel_error> r) { sent = r.has_value(); }));
    }
    void fire(one_thread_carrier&) override { CHECK(ends.second.try_receive() == nullptr); }
    bool won() override { return sent && !value && ends.second.size() == 1; }
    bool intact() override { return !sent && value && ends.second.size() == 0 && ends.first.try_reserve(); }
};

struct joins : thing {
    ramie::notify end;
    ramie::join_handle<int> handle = ramie::spawn([this] {
        end.wait();
        return 3;
    });
    int result = 0;
    any_case as_case() override {
        return any_case(
            ramie::on_join(handle, [this](std::expected<int, ramie::join_error> r) { result = r.value(); }));
    }
    void fire(one_thread_carrier&) override { end.notify_one(); }
    bool won() override { return result == 3 && !handle.valid(); }
    bool intact() override { return result == 0 && handle.valid() && handle.is_finished() && handle.get() == 3; }
};

struct is_notified : thing {
    ramie::notify signal;
    bool heard = false;
    any_case as_case() override {
        return any_case(ramie::on_notified(signal, [this] { heard = true; }));
    }
    void fire(one_thread_carrier&) override { signal.notify_one(); }
    bool won() override { return heard && !signal.wait_for(0ms); }
    bool intact() override { return !heard && signal.wait_for(0ms); }
};

struct acquires : thing {
    ramie::semaphore gate{1};
    ramie::semaphore::permit got;
    any_case as_case() override {
        return any_case(ramie::on_acquire(gate, 2, [this](auto p) { got = std::move(p.value()); }));
    }
    void fire(one_thread_carrier&) override { gate.release(); }
    bool won() override { return got.count() == 2 && gate.available() == 0; }
    bool intact() override { return got.count() == 0 && gate.available() == 2; }
};

struct hears_cancel : thing {
    ramie::cancellation_token token;
    bool heard = false;
    any_case as_case() override {
        return any_case(ramie::on_cancelled(token, [this] { heard = true; }));
    }
    void fire(one_thread_carrier&) override { token.cancel(); }
    bool won() override { return heard; }
    bool intact() override { return !heard && token.is_cancelled(); }
};

struct sleeps : thing {
    bool is_timed() const override { return true; }
    bool over = false;
    any_case as_case() override {
        return any_case(ramie::on_sleep(1ms, [this] { over = true; }));
    }
    void fire(one_thread_carrier& carrier) override { carrier.advance(1ms); }
    bool won() override { return over; }
    bool intact() override { return !over; }
};

struct receives_oneshot : thing {
    std::pair<ramie::oneshot_sender<int>, ramie::oneshot_receiver<int>> ends = ramie::oneshot<int>();
    int taken = 0;
    any_case as_case() override {
        return any_case(
            ramie::on_receive(ends.second, [this](std::expected<int, ramie::channel_error> v) { taken += v.value(); }));
    }
    void fire(one_thread_carrier&) override { CHECK(ends.first.send(1)); }
    bool won() override { return taken == 1 && !ends.second.try_receive(); }
    bool intact() override { return taken == 0 && ends.second.try_receive() == 1; }
};

struct sees_change : thing {
    std::pair<ramie::watch_sender<int>, ramie::watch_receiver<int>> ends = ramie::watch(0);
    bool seen = false;
    any_case as_case() override {
        return any_case(ramie::on_changed(ends.second, [this](bool news) { seen = news; }));
    }
    void fire(one_thread_carrier&) override { CHECK(ends.first.send(1)); }
    bool won() override { return seen && !ends.second.has_changed(); }
    bool intact() override { return !seen && ends.second.has_changed(); }
};

struct receives_broadcast : thing {
    std::pair<ramie::broadcast_sender<int>, ramie::broadcast_receiver<int>> ends = ramie::broadcast<int>(2);
    int taken = 0;
    any_case as_case() override {
        return any_case(
            ramie::on_receive(ends.second, [this](std::expected<int, ramie::broadcast_error> v) { taken += v.value(); }));
    }
    void fire(one_thread_carrier&) override { CHECK(ends.first.send(1)); }
    bool won() override { return taken == 1 && ends.second.size() == 0; }
    bool intact() override { return taken == 0 && ends.second.try_receive() == 1; }
};

template <class T>
std::unique_ptr<thing> make() {
    return std::make_unique<T>();
}
using maker = std::unique_ptr<thing> (*)();
constexpr maker all[] = {make<receives>, make<sends>, make<joins>,            make<is_notified>, make<acquires>,
                         make<hears_cancel>, make<sleeps>, make<receives_oneshot>, make<sees_change>, make<receives_broadcast>};

// Both are fired before the select runs on. `waiting`: it is parked when they are; otherwise it finds both ready.
void pair_up(one_thread_carrier& carrier, maker make_a, maker make_b, bool waiting, bool b_first) {
    auto const a = make_a(), b = make_b();
    carrier.drain();
    auto const start = [&] {
        return ramie::spawn([x = a->as_case(), y = b->as_case()]() mutable { return ramie::select(std::move(x), std::move(y)); });
    };
    ramie::join_handle<std::size_t> task;
    if (waiting) {
        task = start();
        carrier.drain();
        REQUIRE_FALSE(task.is_finished());
    } else if (a->is_timed() || b->is_timed()) {
        task = start();
    }
    if (b_first) b->fire(carrier);
    a->fire(carrier);
    if (!b_first) b->fire(carrier);
    if (!task.valid()) {
        carrier.drain();
        task = start();
    }
    carrier.drain();
    REQUIRE(task.is_finished());
    auto const winner = task.get();
    CHECK((winner == 0 ? a->won() : a->intact()));
    CHECK((winner == 1 ? b->won() : b->intact()));
}

}  // namespace

TEST_CASE("select: of two cases that become ready together one takes effect, the other keeps nothing") {
    both_ways([](one_thread_carrier& carrier) {
        for (int round = 0; round < 4; ++round) {  // different orders of looking at the cases
            for (std::size_t i = 0; i < std::size(all); ++i) {
                for (std::size_t j = 0; j < std::size(all); ++j) {
                    for (bool const waiting : {false, true}) {
                        for (bool const b_first : {false, true}) {
                            CAPTURE(i);
                            CAPTURE(j);
                            CAPTURE(waiting);
                            CAPTURE(b_first);
                            pair_up(carrier, all[i], all[j], waiting, b_first);
                        }
                    }
                }
            }
        }
    });
}
