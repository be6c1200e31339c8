// Tasks that may borrow the locals of the block they were spawned in.
#pragma once

#include <ramie/detail/fence/word_lock.hpp>
#include <ramie/detail/ground/api.hpp>
#include <ramie/detail/ground/forced_unwind.hpp>
#include <ramie/detail/ground/intrusive_list.hpp>
#include <ramie/detail/ground/invoke.hpp>
#include <ramie/detail/wait/wait_queue.hpp>
#include <ramie/spawn.hpp>
#include <ramie/this_fiber.hpp>

#include <exception>
#include <type_traits>
#include <utility>

namespace ramie {

namespace detail {

class scope_child;

// The children of one scope that have not ended yet.
//
// A child is counted before it is spawned and leaves by its end note. In between it is on one of two lists, so that
// abort_all reaches each child once, however many there are. adopt() puts it there after its spawn, because a task that
// its runtime does not know yet must not be aborted; unless the child has ended by then.
class scope_children {
  public:
    scope_children() = default;
    scope_children(scope_children const&) = delete;
    scope_children& operator=(scope_children const&) = delete;
    RAMIE_API ~scope_children();

    // Called after the spawn of the child; the caller has the child's handle.
    RAMIE_API void adopt(scope_child& child, task& its_task) noexcept;
    // Notes the first failure of a child; aborts the others, also those that are spawned later.
    RAMIE_API void failed(std::exception_ptr cause) noexcept;
    RAMIE_API void abort_all() noexcept;
    RAMIE_API std::size_t size() const noexcept;
    // Waits until no child is left. Suspension point.
    RAMIE_API void wait();
    // Waits shielded; if the owner is asked to stop meanwhile, so are the children.
    RAMIE_API void end(bool abort_first) noexcept;
    RAMIE_API std::exception_ptr first_failure() const noexcept;
    bool aborts_siblings = false;

  private:
    friend class scope_child;
    RAMIE_API void enter() noexcept;
    RAMIE_API void leave(scope_child* child) noexcept;
    void abort_all_for_good() noexcept;

    mutable word_lock guard_;
    wait_queue queue_;
    std::size_t count_ = 0;
    bool for_good_ = false;  // children spawned from now on are aborted, too
    std::exception_ptr failure_;
    intrusive_list<scope_child> running_, aborted_;
};

// A child's end note. It is moved only before it is inside its task.
class scope_child : list_hook {
  public:
    explicit scope_child(scope_children& s) noexcept : of_(&s) { of_->enter(); }
    scope_child(scope_child&& other) noexcept : of_(std::exchange(other.of_, nullptr)) {}
    scope_child& operator=(scope_child&&) = delete;
    ~scope_child() {
        if (of_ != nullptr) of_->leave(nullptr);  // its task could not be made
    }
    void tell() noexcept { of_->leave(this); }

  private:
    friend class scope_children;
    friend class intrusive_list<scope_child>;
    scope_children* of_;  // null: the child has ended. From the spawn on guarded by its guard_
    task* task_ = nullptr;
};

// A child's callable. If with_scope wants it, its siblings are told of its failure at once.
template <class Call>
class scope_call : public Call {
  public:
    template <class... Parts>
    explicit scope_call(scope_children& of, Parts&&... parts) : Call(std::forward<Parts>(parts)...), of_(of) {}

    typename Call::value_type operator()(task& t) {
        try {
            return Call::operator()(t);
        } catch (aborted const&) {
            throw;
        } catch (forced_unwind const&) {
            throw;
        } catch (...) {
            if (of_.aborts_siblings) {
                t.failure_known = true;
                of_.failed(std::current_exception());
            }
            throw;
        }
    }

  private:
    scope_children& of_;
};

}  // namespace detail

// Leaving the block waits for the children; leaving it by an exception aborts them first. A child's own failure belongs
// to its handle; without a handle it goes to on_task_failure. The destructor waits shielded, and passes an abort of its
// owner on to the children.
class scope {
  public:
    scope() = default;
    scope(scope const&) = delete;
    scope& operator=(scope const&) = delete;
    ~scope() { children_.end(std::uncaught_exceptions() > exceptions_at_start_); }

    // As ramie::spawn, but the callable may borrow objects declared before the scope.
    RAMIE_SPAWN_FORMS(spawn, spawn_by, )

    // Asks all children to stop.
    void abort_all() noexcept { children_.abort_all(); }
    // Waits until there is no child. Suspension point.
    void wait() { children_.wait(); }
    [[nodiscard]] std::size_t size() const noexcept { return children_.size(); }

  private:
    template <class F>
    friend std::invoke_result_t<F, scope&> with_scope(F&& f);

    template <class F, class... Args>
    detail::spawned<F, Args...> spawn_by(detail::spawn_terms terms, F&& f, Args&&... args) {
        detail::spawn_request<> const request(detail::carrier::here("scope::spawn"), terms);
        if constexpr (detail::task_can_keep<F, Args...>()) {
            auto [child, handle] = request.make<detail::scope_call<detail::bound<F, Args...>>>(
                detail::scope_child(children_), children_, std::in_place, std::forward<F>(f), std::forward<Args>(args)...);
            children_.adopt(child->note(), *child);
            return std::move(handle);
        } else {
            return {};
        }
    }

    int exceptions_at_start_ = std::uncaught_exceptions();
    detail::scope_children children_;
};

// Calls f(scope&), waits for the children it spawned, and returns its value. When a child fails, its siblings are
// aborted (and so are those that are spawned after it); after the wait the first failure is thrown here. It is reported
// nowhere else, unless that child is joined. When `f` itself throws, or the caller is aborted, the children are
// aborted, too, and that exception goes on. Suspension point.
template <class F>
std::invoke_result_t<F, scope&> with_scope(F&& f) {
    scope s;
    s.children_.aborts_siblings = true;
    auto const finish = [&] {
        s.wait();
        if (auto const cause = s.children_.first_failure()) std::rethrow_exception(cause);
    };
    if constexpr (std::is_void_v<std::invoke_result_t<F, scope&>>) {
        detail::invoke(std::forward<F>(f), s);
        finish();
    } else {
        auto value = detail::invoke(std::forward<F>(f), s);
        finish();
        return value;
    }
}

}  // namespace ramie
