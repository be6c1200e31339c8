// A callable of the caller's, to be called before the caller goes on: std::function's use without its header and its copy.
#pragma once

#include <ramie/detail/ground/invoke.hpp>

#include <memory>
#include <type_traits>

namespace ramie::detail {

class borrowed_call {
  public:
    template <class F>
        requires(!std::is_same_v<std::remove_cvref_t<F>, borrowed_call> && std::is_invocable_v<F&>)
    explicit borrowed_call(F& f) noexcept
        : what_(reinterpret_cast<void const*>(std::addressof(f))), call_([](void const* what) {
              (void)detail::invoke(*reinterpret_cast<std::remove_reference_t<F>*>(const_cast<void*>(what)));
          }) {}

    // Drops the result.
    void operator()() const { call_(what_); }

  private:
    void const* what_;
    void (*call_)(void const*);
};

}  // namespace ramie::detail
