// spare_crew, with crew and solitude: spares come when they are wanted, and rest when they are not. A spare that is wanted
// comes, unless the system refuses its thread; the only worker is never in its queues as the only one while a spare is on
// duty; who looks at the crew sees each worker whole; stop() ends all threads.
//
// Of the scheduler there is only what the crew of spares touches; a spare's loop is the one below.
#include <model/atomic.hpp>
#include <model/explore.hpp>

#include "scheduler.hpp"
#include "standins/spare_crew.hpp"

#include <doctest/doctest.h>

#include <array>
#include <memory>
#include <new>

using namespace ramie::model;
using ramie::detail::plain_mutex;
using ramie::detail::scheduler;
using ramie::detail::solitude;
using ramie::detail::spare_crew;
using ramie::detail::worker;
using enum std::memory_order;

namespace {

struct world {
    static constexpr std::size_t most = 3;
    alignas(scheduler) std::array<std::byte, sizeof(scheduler)> place{};
    alignas(worker) std::array<std::byte, sizeof(worker)> places[most]{};
    spare_crew* spares;
    std::size_t made = 0;  // workers; under the crew's lock
    atomic<int> came{0};
    plain_mutex lock;  // of the queue, for those who are not alone
    int queue = 0;

    scheduler& home() { return *reinterpret_cast<scheduler*>(place.data()); }
    explicit world(bool is_alone = true) {
        auto& s = home();
        ::new (const_cast<ramie::detail::settings*>(&s.options)) ramie::detail::settings{};
        const_cast<unsigned&>(s.options.workers) = 1;
        ::new (&s.workers) ramie::detail::crew(most);
        spares = ::new (&s.spares) spare_crew(s, most - 1);
        (void)add(is_alone);
    }
    worker& add(bool is_alone) {
        auto* const w = reinterpret_cast<worker*>(places[made].data());
        const_cast<unsigned&>(w->index) = static_cast<unsigned>(made);
        ++made;
        ::new (&w->alone) solitude(is_alone);
        return home().workers.add(std::unique_ptr<worker>(w));
    }
    solitude& alone() { return home().workers[0].alone; }

    // The regular worker takes from its queue.
    void take() {
        if (alone().enter()) {
            ++queue;
            alone().leave();
        } else {
            std::lock_guard const held(lock);
            ++queue;
        }
    }
    void steal() {
        std::lock_guard const held(lock);
        ++queue;
    }
    void stop() {
        home().stopping.store(true, release);
        spares->stop();
    }
};
world* here = nullptr;

}  // namespace

// --- the scheduler's and the worker's part ---

namespace ramie::detail {

worker& scheduler::add_spare() { return here->add(false); }
worker::~worker() = default;
void worker::unpark() noexcept {}
void worker::run() {
    here->spares->arrived();
    here->came.fetch_add(1, release);
    for (;;) {
        if (here->home().stopping.load(acquire)) return;
        here->steal();
        if (here->spares->may_rest(*this)) return;
        wait_for_a_change();
    }
}

}  // namespace ramie::detail

TEST_CASE("model: spare_crew: one that is wanted comes, and the only worker is not alone any more") {
    check({1, 1}, [] {
        limits_do_not_pass();
        auto s = std::make_shared<world>();
        here = s.get();
        thread([=] {
            s->take();
            s->spares->want();  // it is lent
            // If it was in its queues at that moment (it was not: it asks for itself), the monitor would ask again.
            while (s->came.load(acquire) == 0) wait_for_a_change();
            s->take();
            s->spares->release();
            while (!s->spares->leaves_alone(s->home().workers[0])) wait_for_a_change();
            s->take();
            s->stop();
        });
    });
}

TEST_CASE("model: spare_crew: the monitor rescues while the worker is in its queues, and asks again until one comes") {
    check({1, 1}, [] {
        auto s = std::make_shared<world>();
        here = s.get();
        auto looks_over = std::make_shared<atomic<bool>>(false);
        thread([=] {
            for (int i = 0; i < 2; ++i) s->take();
            while (!looks_over->load(acquire)) wait_for_a_change();
            (void)s->spares->leaves_alone(s->home().workers[0]);
            s->take();
            s->stop();
        });
        thread([=] {
            for (s->spares->rescue(1); s->spares->active() == 0; s->spares->rescue(1)) wait_for_a_change();
            // As the monitor, it looks at all workers.
            for (std::size_t i = 0; i < s->home().workers.size(); ++i)
                require(s->home().workers[i].index == i, "a worker that is not there yet");
            s->spares->rescue(0);
            looks_over->store(true, release);
        });
    });
}

TEST_CASE("model: spare_crew: it is stopped while one comes") {
    check({2, 1}, [] {
        auto s = std::make_shared<world>();
        here = s.get();
        thread([=] { s->spares->want(); });
        thread([=] { s->stop(); });
        finally([=] { require(s->spares->active() <= 1, "there are too many"); });
    });
}

TEST_CASE("model: spare_crew: a thread that is refused is as if the limit were reached, until the next time") {
    check({0, 1}, [] {
        threads_may_be_refused();
        auto s = std::make_shared<world>();
        here = s.get();
        thread([=] {
            s->spares->want();
            s->spares->want();
            require(s->spares->active() <= 2, "there are too many");
            s->take();
            s->stop();
        });
    });
}

TEST_CASE("model: spare_crew: a thread that looks at the crew while one is added sees each worker whole") {
    check(everything, [] {
        auto s = std::make_shared<world>();
        thread([=] { (void)s->add(false); });
        thread([=] {
            unsigned i = 0;
            for (auto const& w : s->home().workers) require(w->index == i++, "a worker that is not there yet");
        });
    });
}

TEST_CASE("model: spare_crew: the only worker wants to be alone again as the monitor calls a spare") {
    check({1, 0}, [] {
        limits_do_not_pass();
        auto s = std::make_shared<world>(false);
        here = s.get();
        auto called = std::make_shared<atomic<bool>>(false);
        thread([=] {
            (void)s->spares->leaves_alone(s->home().workers[0]);
            s->take();
            while (!called->load(acquire)) wait_for_a_change();
            s->stop();
        });
        thread([=] {
            s->spares->rescue(1);
            called->store(true, release);
        });
    });
}
