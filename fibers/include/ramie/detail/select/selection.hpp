// One select under way: which of its cases wins. select_case.hpp says what a case is and why only the winner takes
// effect.
#pragma once

#include <ramie/detail/ground/api.hpp>
#include <ramie/detail/ground/forced_unwind.hpp>
#include <ramie/detail/ground/least_most.hpp>
#include <ramie/detail/wait/park.hpp>
#include <ramie/detail/wait/select_case.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <tuple>
#include <utility>

namespace ramie::detail {

// Writes 0 .. n-1 in random order, each order equally likely; only for fairness.
RAMIE_API void shuffle(std::uint8_t* order, std::size_t n) noexcept;

template <class... Cases>
class selection {
    static constexpr std::size_t count = sizeof...(Cases);
    static_assert(count < 256, "ramie: a select has at most 255 cases");

  public:
    selection(std::tuple<Cases...>& cases, bool fair) noexcept : cases_(cases) {
        if (fair && count > 1) shuffle(order_.data(), count);
        else for (std::size_t i = 0; i < count; ++i) order_[i] = static_cast<std::uint8_t>(i);
    }

    // The winner's index, or `count` if no case is ready and `wait` is false.
    std::size_t run(bool wait) {
        auto& self = waiter::enter();
        for (;;) {
            for (std::size_t i = 0; i < count; ++i) {
                if (call(order_[i], [&](auto& c) { return polled(c, wait); })) return order_[i];
            }
            if (!wait) return count;
            auto const winner = run_waiting(self);
            if (call(winner, [](auto& c) { return confirmed(c); })) return winner;
        }
    }

    void complete(std::size_t winner) {
        (void)call(winner, [](auto& c) {
            c.complete();
            return true;
        });
    }

  private:
    template <class Case>
    static bool polled(Case& c, bool wait) {
        if constexpr (requires { c.poll_only(); }) return wait ? c.poll() : c.poll_only();
        else return c.poll();
    }
    template <class Case>
    static bool confirmed(Case& c) {
        if constexpr (requires { c.confirm(); }) return c.confirm();
        else return true;
    }

    std::size_t run_waiting(waiter& self) {
        auto const g = self.state.generation();
        auto const limit = earliest();
        auto winner = count;
        std::exception_ptr failed;
        std::size_t enlisted = 0;
        auto e = enlisting::queued;
        while (enlisted < count && e == enlisting::queued) {
            auto const at = order_[enlisted];
            try {
                (void)call(at, [&](auto& c) {
                    e = c.enlist(self, g);
                    return true;
                });
                ++enlisted;
                if (e == enlisting::won) winner = at;
            } catch (forced_unwind const&) {
                (void)claim_for_itself(self, g);
                (void)withdraw(enlisted);
                throw;
            } catch (...) {
                // A case may have won meanwhile; then the win counts.
                e = enlisting::lost;
                if (claim_for_itself(self, g)) failed = std::current_exception();
            }
        }
        wait_end const end = e == enlisting::queued ? park(self, g, {"select", this}, nullptr, limit)
                                                    : wait_end(task_state::outcome::woken, nullptr);
        if (auto const late = withdraw(enlisted); late != count) winner = late;
        if (failed) std::rethrow_exception(failed);
        if (winner != count) return winner;
        end.raise();
        // The limit passed: finds the sleep case that it belongs to.
        for (std::size_t i = 0; i < count; ++i) {
            if (call(order_[i], [&](auto& c) { return c.limit() == limit; })) return order_[i];
        }
        std::unreachable();
    }

    // Withdraws the first `enlisted` cases. Returns the winner among them; `count` if none has won.
    std::size_t withdraw(std::size_t enlisted) {
        auto winner = count;
        for (std::size_t i = 0; i < enlisted; ++i) {
            if (call(order_[i], [](auto& c) { return c.withdraw(); })) winner = order_[i];
        }
        return winner;
    }

    time_point earliest() const noexcept {
        return std::apply([](auto const&... c) { return least(never, c.limit()...); }, cases_);
    }

    // Calls f(the case with that index).
    template <class F>
    bool call(std::size_t at, F&& f) {
        return [&]<std::size_t... I>(std::index_sequence<I...>) {
            bool result = false;
            (void)((I == at ? (result = f(std::get<I>(cases_)), true) : false) || ...);
            return result;
        }(std::make_index_sequence<count>());
    }

    std::tuple<Cases...>& cases_;
    std::array<std::uint8_t, count> order_;
};

}  // namespace ramie::detail
