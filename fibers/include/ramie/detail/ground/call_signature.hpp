// The signature of a class's one call operator, for deduction guides: R(Args...).
#pragma once

#include <ramie/detail/ground/language.hpp>

namespace ramie::detail {

template <class Member>
struct signature_of_member;
template <class C, class R, class... Args>
struct signature_of_member<R (C::*)(Args...)> {
    using type = R(Args...);
};
template <class C, class R, class... Args>
struct signature_of_member<R (C::*)(Args...) const> : signature_of_member<R (C::*)(Args...)> {};
template <class C, class R, class... Args>
struct signature_of_member<R (C::*)(Args...)&> : signature_of_member<R (C::*)(Args...)> {};
template <class C, class R, class... Args>
struct signature_of_member<R (C::*)(Args...) const&> : signature_of_member<R (C::*)(Args...)> {};
template <class C, class R, class... Args>
struct signature_of_member<R (C::*)(Args...) noexcept> : signature_of_member<R (C::*)(Args...)> {};
template <class C, class R, class... Args>
struct signature_of_member<R (C::*)(Args...) const noexcept> : signature_of_member<R (C::*)(Args...)> {};
template <class C, class R, class... Args>
struct signature_of_member<R (C::*)(Args...) & noexcept> : signature_of_member<R (C::*)(Args...)> {};
template <class C, class R, class... Args>
struct signature_of_member<R (C::*)(Args...) const & noexcept> : signature_of_member<R (C::*)(Args...)> {};
// A static call operator.
template <class R, class... Args>
struct signature_of_member<R (*)(Args...)> {
    using type = R(Args...);
};
template <class R, class... Args>
struct signature_of_member<R (*)(Args...) noexcept> : signature_of_member<R (*)(Args...)> {};

template <class F>
using call_signature = typename signature_of_member<decltype(&F::operator())>::type;

}  // namespace ramie::detail
