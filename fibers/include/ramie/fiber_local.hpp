// A value of its own for each task: a request's id, a transaction, a random generator.
#pragma once

#include <ramie/detail/ground/api.hpp>
#include <ramie/detail/ground/invoke.hpp>
#include <ramie/detail/task/local_value.hpp>

#include <type_traits>
#include <utility>

namespace ramie {

// Tells a fiber_local that children begin with a copy of their parent's value.
struct inherit {
    struct copy_t {
        explicit copy_t() = default;
    };
    static constexpr copy_t copy{};
};

namespace detail {
[[noreturn]] RAMIE_API void refuse_unset_local();
}

// For tasks what `thread_local` is for threads. The object is only a name: make it static, since it must outlive all
// its values. From fibers, jobs of spawn_blocking and plain threads, each with its own value; none of these is a
// suspension point.
//
//     static ramie::fiber_local<std::string> request_id;
//     request_id.scope("r-17", [] { handle(); });     // handle(), and all it calls, sees request_id.get() == "r-17"
//
// Values not made by scope() are destroyed when the task has ended, newest first, before a join sees its result; their
// destructors may wait, and may use other fiber_locals. If a task is aborted before it has run, its inherited values
// are destroyed where it is aborted. A thread's values are destroyed when it ends, those of a spawn_blocking job when
// the job ends.
template <class T>
class fiber_local {
    static_assert(std::is_object_v<T> && !std::is_const_v<T> && !std::is_array_v<T>,
                  "ramie: a fiber_local is of an object type that is not const and no array");

  public:
    using factory = T (*)();

    // There is no value until one is set; with a factory (a function, or a lambda without captures), the first get() in
    // each task makes one.
    constexpr fiber_local() noexcept = default;
    constexpr explicit fiber_local(factory make) noexcept : make_(make) {}
    // The same, and a task spawned by a task with a value begins with a copy of it. The spawner makes the copy during
    // the spawn, and spawn throws what the copy throws. Later changes in one task do not show in another.
    constexpr explicit fiber_local(inherit::copy_t, factory make = nullptr) noexcept : make_(make), copy_(&copy_of) {
        static_assert(std::is_copy_constructible_v<T>,
                      "ramie: a fiber_local that is inherited needs a value that can be copied");
    }
    fiber_local(fiber_local const&) = delete;
    fiber_local& operator=(fiber_local const&) = delete;

    // Returns f(); while f runs, `value` is the current one. Afterwards, also after an exception or an abort, the outer
    // value is current again, or none.
    template <class V = T, class F>
    decltype(auto) scope(V&& value, F&& f) const {
        static_assert(std::is_constructible_v<T, V>, "ramie: the value of this fiber_local cannot be made from that");
        scoped const here(*this, std::forward<V>(value));
        return detail::invoke(std::forward<F>(f));
    }

    // The current value. std::logic_error: there is none, and no factory. The reference is valid until its scope or
    // task ends.
    T& get() const {
        if (auto* const value = try_get()) return *value;
        if (make_ == nullptr) detail::refuse_unset_local();
        return add(make_);
    }
    // The same; null: there is none (or it was not made yet).
    T* try_get() const noexcept {
        auto* const found = detail::find_local(this);
        return found != nullptr ? &static_cast<detail::local_of<T>*>(found)->value : nullptr;
    }
    bool is_set() const noexcept { return try_get() != nullptr; }

    // Assigns to the current value. If there is none, it becomes the value outside all scopes, until the task's end.
    void set(T value) const {
        static_assert(std::is_move_assignable_v<T>,
                      "ramie: fiber_local::set needs a value that can be assigned; use scope()");
        if (auto* const current = try_get()) *current = std::move(value);
        else (void)add([&]() -> T { return std::move(value); });
    }

  private:
    using node = detail::local_of<T>;

    class scoped {
      public:
        template <class V>
        scoped(fiber_local const& of, V&& value) : node_([&]() -> T { return T(std::forward<V>(value)); }) {
            node_.key = &of;
            node_.copy = of.copy_;
            owner_ = &detail::add_local(node_);
        }
        scoped(scoped const&) = delete;
        scoped& operator=(scoped const&) = delete;
        ~scoped() { detail::remove_local(*owner_, node_); }

      private:
        node node_;
        detail::waiter* owner_;
    };

    template <class Make>
    T& add(Make&& make) const {
        auto* const made = new node(make);
        made->key = this;
        made->destroy = &destroy;
        made->copy = copy_;
        (void)detail::add_local(*made);
        return made->value;
    }
    static void destroy(detail::local_value& v) noexcept { delete &static_cast<node&>(v); }
    static detail::local_value* copy_of(detail::local_value const& from) {
        auto* const made = new node([&]() -> T { return static_cast<node const&>(from).value; });
        made->key = from.key;
        made->destroy = &destroy;
        made->copy = from.copy;
        return made;
    }

    factory make_ = nullptr;
    detail::local_value* (*copy_)(detail::local_value const&) = nullptr;
};

}  // namespace ramie
