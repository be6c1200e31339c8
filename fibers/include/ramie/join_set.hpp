// Many tasks, joined as they finish.
#pragma once

#include <ramie/detail/ground/access.hpp>
#include <ramie/detail/join/finish_line.hpp>
#include <ramie/detail/machine/home_process.hpp>
#include <ramie/detail/wait/want.hpp>
#include <ramie/spawn.hpp>
#include <ramie/this_fiber.hpp>

#include <expected>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace ramie {

namespace detail {
// Defined by <ramie/spawn_blocking.hpp> and <ramie/spawn_local.hpp>, which sit a floor above.
template <class>
class blocking_request;
template <class>
class local_request;

// A callable's result as what the set joins.
template <class T, class Call>
struct member_call : Call {
    using value_type = T;
    using Call::Call;
    T operator()(task& t) { return Call::operator()(t); }
};
}  // namespace detail

// Owned by one fiber or thread at a time. Destroying it aborts its tasks and waits for them, shielded.
template <class T>
class join_set {
  public:
    using result = std::expected<T, join_error>;

    join_set() noexcept = default;
    join_set(join_set&& other) noexcept : line_(std::move(other.line_)) { members_.swap(other.members_); }
    join_set& operator=(join_set&& other) noexcept {
        if (this != &other) {
            shutdown();
            line_.swap(other.line_);
            members_.swap(other.members_);
        }
        return *this;
    }
    ~join_set() { shutdown(); }

    // As ramie::spawn; the handle stays in the set, and what is returned, an abort_handle, can only abort.
    RAMIE_SPAWN_FORMS(spawn, spawn_by, )
    // With ramie::spawn_blocking's rules; include <ramie/spawn_blocking.hpp>.
    RAMIE_SPAWN_FORMS(spawn_blocking, spawn_blocking_by, )
    // With ramie::spawn_local's rules; include <ramie/spawn_local.hpp>.
    RAMIE_SPAWN_FORMS(spawn_local, spawn_local_by, )

    // The next task to finish, in order of finishing; empty: the set is empty. Suspension point; if it is aborted, no
    // task is lost from the set.
    [[nodiscard]] std::optional<result> join_next() {
        if (members_.empty()) return std::nullopt;
        return take(&line_->next());
    }
    // The same without waiting; empty also when none has finished.
    [[nodiscard]] std::optional<result> try_join_next() {
        auto* const first = line_ != nullptr ? line_->try_next() : nullptr;
        if (first == nullptr) return std::nullopt;
        return take(first);
    }
    // All results in order of finishing. If it is aborted, those not joined yet stay in the set.
    [[nodiscard]] std::vector<result> join_all() {
        std::vector<result> results;
        results.reserve(members_.size());
        while (auto next = join_next()) results.push_back(std::move(*next));
        return results;
    }

    // Asks all to stop. They stay in the set and are joined as cancelled (or with what they produced all the same).
    void abort_all() {
        for (auto const& m : members_) m->handle.abort();
    }
    // Aborts all and waits for them, shielded. Failures are reported like any that no handle receives.
    void shutdown() {
        if (members_.empty()) return;
        if (!detail::home_process::is_here()) return detach_all();  // in a child they never end
        abort_shield const whole;
        abort_all();
        for (auto const& m : members_) m->handle.wait();
        detach_all();
    }
    // Lets all go on by themselves.
    void detach_all() {
        for (auto const& m : members_) m->handle.detach();
        if (line_ != nullptr) line_->close();
        members_.clear();
        line_ = nullptr;
    }

    [[nodiscard]] std::size_t size() const noexcept { return members_.size(); }
    [[nodiscard]] bool empty() const noexcept { return members_.empty(); }

  private:
    friend detail::access;
    detail::finish_line& line() {
        if (line_ == nullptr) line_ = std::make_shared<detail::finish_line>();
        return *line_;
    }
    result take(detail::runner* arrived) {
        auto const owned = leave(static_cast<member&>(*arrived));
        abort_shield const whole;  // it has ended
        return owned->handle.join();
    }

    struct member final : detail::runner {
        explicit member(std::size_t at) noexcept : place(at) {}
        std::size_t place;  // in members_
        join_handle<T> handle;
    };
    std::shared_ptr<member> leave(member& gone) noexcept {
        auto const owned = std::move(members_[gone.place]);
        if (gone.place + 1 != members_.size()) {  // the last one takes its place
            members_.back()->place = gone.place;
            members_[gone.place] = std::move(members_.back());
        }
        members_.pop_back();
        return owned;
    }
    template <class F, class... Args>
    class abort_handle spawn_by(detail::spawn_terms terms, F&& f, Args&&... args) {
        return add(detail::spawn_request<>(detail::carrier::here("join_set::spawn"), terms), std::forward<F>(f),
                   std::forward<Args>(args)...);
    }
    template <class F, class... Args>
    class abort_handle spawn_blocking_by(detail::spawn_terms terms, F&& f, Args&&... args) {
        return add(detail::blocking_request<F>(terms), std::forward<F>(f), std::forward<Args>(args)...);
    }
    template <class F, class... Args>
    class abort_handle spawn_local_by(detail::spawn_terms terms, F&& f, Args&&... args) {
        return add(detail::local_request<F>(terms), std::forward<F>(f), std::forward<Args>(args)...);
    }
    template <class Request, class F, class... Args>
    class abort_handle add(Request const& request, F&& f, Args&&... args) {
        using call = detail::bound<F, Args...>;
        constexpr bool gives_a_result = std::is_convertible_v<typename call::returned_type, T>;
        static_assert(gives_a_result, "ramie: the callable does not return what this join_set joins");
        if constexpr (detail::task_can_keep<F, Args...>() && gives_a_result) {
            (void)line();
            auto const made = std::make_shared<member>(members_.size());
            members_.push_back(made);
            try {
                made->handle = request
                                   .template make<detail::member_call<T, call>>(
                                       detail::runner_note(line_, made), std::in_place, std::forward<F>(f),
                                       std::forward<Args>(args)...)
                                   .handle;
            } catch (...) {
                line_->forget(*made);
                leave(*made);
                throw;
            }
            return made->handle.abort_handle();
        } else {
            return {};
        }
    }

    std::shared_ptr<detail::finish_line> line_;  // null before the first spawn
    std::vector<std::shared_ptr<member>> members_;
};

namespace detail {

template <class T>
class next_joined : public want {
  public:
    static constexpr bool looks_again = true;
    explicit next_joined(join_set<T>& set) : set_(set), line_(access::line(set)) {}
    word_lock& lock() noexcept { return line_.lock(); }
    wait_queue& queue() noexcept { return line_.waiters(); }
    bool poll() const noexcept { return set_.empty() || line_.has_arrivals(); }
    void take(woken_list&) noexcept { who_ = line_.take_locked(); }
    std::optional<std::expected<T, join_error>> result() {
        if (who_ == nullptr) return std::nullopt;
        return access::take(set_, who_);
    }

  private:
    join_set<T>& set_;
    finish_line& line_;
    runner* who_ = nullptr;
};

}  // namespace detail

// A case of a select (<ramie/select.hpp>): ready when a task of the set has finished, or the set is empty.
// handler(std::optional<std::expected<T, join_error>>).
template <class T, class Handler>
auto on_join_next(join_set<T>& set, Handler handler) {
    return detail::want_case(detail::next_joined<T>(set), std::move(handler));
}

}  // namespace ramie
