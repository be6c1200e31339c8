// A C++ object in the storage of a C struct that its initialiser filled with zeros: whichever call comes first makes it.
//
//   made:  0 ---the first call---> 1 (being made) ---> 2 (there) ---destroy---> 0
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <new>
#include <utility>

namespace ramie::detail {

template <class T, class C>
class lazy {
  public:
    explicit lazy(C& storage) noexcept : c_(storage) {
        static_assert(sizeof(T) <= sizeof storage.room && alignof(T) <= alignof(C));
    }
    // The constructor does not wait, so the others spin for a moment.
    T& get() noexcept {
        static_assert(std::is_nothrow_default_constructible_v<T>);
        // acquire pairs with the release in make().
        while (state().load(std::memory_order_acquire) != there) {
            std::uint32_t expected = none;
            if (state().compare_exchange_strong(expected, being_made, std::memory_order_relaxed)) make();
        }
        return object();
    }
    // For those that need a value to be made. What was there before is not looked at, as with pthread's init functions.
    template <class... Args>
    T& make(Args&&... args) {
        ::new (static_cast<void*>(c_.room)) T(std::forward<Args>(args)...);
        state().store(there, std::memory_order_release);  // pairs with get() and is_made()
        return object();
    }
    // acquire pairs with the release in make().
    bool is_made() const noexcept { return state().load(std::memory_order_acquire) == there; }
    T& object() noexcept { return *std::launder(reinterpret_cast<T*>(c_.room)); }
    // As the C++ class's destructor: dies with a message if a fiber or thread waits.
    void destroy() noexcept {
        if (is_made()) std::destroy_at(&object());
        state().store(none, std::memory_order_relaxed);
    }

  private:
    enum : std::uint32_t { none, being_made, there };
    std::atomic_ref<std::uint32_t> state() const noexcept { return std::atomic_ref(c_.made); }
    C& c_;
};

}  // namespace ramie::detail
