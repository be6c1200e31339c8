// A doubly linked list whose links live in its elements. Not synchronised: its owner's lock guards it.
#pragma once

#include <ramie/detail/ground/language.hpp>

#include <cstddef>

namespace ramie::detail {

struct list_hook {
    list_hook* prev = nullptr;
    list_hook* next = nullptr;
    bool linked() const noexcept { return next != nullptr; }
};

// T derives from list_hook (or from a Tag-named class that does).
template <class T>
class intrusive_list {
  public:
    constexpr intrusive_list() noexcept : head_{&head_, &head_} {}  // a global one is there before main
    intrusive_list(intrusive_list const&) = delete;
    intrusive_list& operator=(intrusive_list const&) = delete;

    bool empty() const noexcept { return head_.next == &head_; }
    T& front() noexcept { return static_cast<T&>(*head_.next); }
    T& back() noexcept { return static_cast<T&>(*head_.prev); }

    void push_back(T& item) noexcept { insert_before(head_, item); }
    void push_front(T& item) noexcept { insert_before(*head_.next, item); }

    // No effect on an item that is not linked.
    void remove(T& item) noexcept {
        list_hook& hook = item;
        if (!hook.linked()) return;
        hook.prev->next = hook.next;
        hook.next->prev = hook.prev;
        hook.prev = hook.next = nullptr;
    }

    template <class F>
    void for_each(F&& f) {
        for (auto* hook = head_.next; hook != &head_;) {
            auto* const next = hook->next;
            f(static_cast<T&>(*hook));
            hook = next;
        }
    }

  private:
    static void insert_before(list_hook& next, list_hook& hook) noexcept {
        hook.prev = next.prev;
        hook.next = &next;
        next.prev->next = &hook;
        next.prev = &hook;
    }

    list_hook head_;
};

}  // namespace ramie::detail
