// The forms of every verb that spawns: name(f, args...) and name(options, f, args...).
//
// The place of the call is a default argument, which cannot follow a parameter pack: so there is one overload for each
// number of arguments up to eight, here and nowhere else. (With more arguments, the place is known only if options give
// it.) It is a macro because a base class could not give its functions the verb's name.
#pragma once

#include <ramie/task_options.hpp>

#include <concepts>
#include <source_location>
#include <type_traits>
#include <utility>

namespace ramie::detail {

template <class T>
concept not_options = !std::same_as<std::remove_cvref_t<T>, task_options>;
template <class T>
concept not_location = !std::same_as<std::remove_cvref_t<T>, std::source_location>;
// What the constructor of a Self may call: not a Self that is copied or moved.
template <class T, class Self>
concept callable_of = not_options<T> && !std::same_as<std::remove_cvref_t<T>, Self>;

// What is known of a task before it is spawned: the options, which must outlive this object, or only the place.
struct spawn_terms {
    spawn_terms(std::source_location place) noexcept : where(place) {}
    spawn_terms(task_options const& o) noexcept : where(o.where), options(&o) {}

    std::source_location where;
    task_options const* options = nullptr;
};

}  // namespace ramie::detail

// clang-format off
// A function `name` that returns by(spawn_terms, f, args...). Return types are deduced, so that a compiler that looks
// at them before the constraints does not ask whether options can be called.
#define RAMIE_SPAWN_FORMS(name, by, qualifiers)                                                                        \
    RAMIE_FORMS_WITH_PLACE(auto name, ::ramie::detail::not_options, qualifiers { return by, ; })
// The same with a result that must be used.
#define RAMIE_NODISCARD_SPAWN_FORMS(name, by)                                                                          \
    RAMIE_FORMS_WITH_PLACE([[nodiscard]] auto name, ::ramie::detail::not_options, { return by, ; })
// Constructors of class `name` that make its `member` from by(spawn_terms, f, args...).
#define RAMIE_SPAWN_CONSTRUCTORS(name, member, by)                                                                     \
    RAMIE_FORMS_WITH_PLACE(explicit name, ::ramie::detail::callable_of<name>, : member{by, } {})

#define RAMIE_PLACE ::std::source_location where = ::std::source_location::current()
#define RAMIE_LAST ::ramie::detail::not_location
#define RAMIE_AS_GIVEN(type, value) ::std::forward<type>(value)

#define RAMIE_GIVEN_1 RAMIE_AS_GIVEN(A, a)
#define RAMIE_GIVEN_2 RAMIE_GIVEN_1, RAMIE_AS_GIVEN(B, b)
#define RAMIE_GIVEN_3 RAMIE_GIVEN_2, RAMIE_AS_GIVEN(C, c)
#define RAMIE_GIVEN_4 RAMIE_GIVEN_3, RAMIE_AS_GIVEN(D, d)
#define RAMIE_GIVEN_5 RAMIE_GIVEN_4, RAMIE_AS_GIVEN(E, e)
#define RAMIE_GIVEN_6 RAMIE_GIVEN_5, RAMIE_AS_GIVEN(G, g)
#define RAMIE_GIVEN_7 RAMIE_GIVEN_6, RAMIE_AS_GIVEN(H, h)
#define RAMIE_GIVEN_8 RAMIE_GIVEN_7, RAMIE_AS_GIVEN(I, i)

#define RAMIE_FORMS_WITH_PLACE(head, callable, before, after)                                                          \
    template <class F, class... Args>                                                                                  \
        requires ::ramie::detail::not_options<F>                                                                       \
    head(::ramie::task_options const& options, F&& f, Args&&... args)                                                  \
        before(options, RAMIE_AS_GIVEN(F, f), RAMIE_AS_GIVEN(Args, args)...) after                                     \
    template <callable F>                                                                                              \
    head(F&& f, RAMIE_PLACE) before(where, RAMIE_AS_GIVEN(F, f)) after                                                 \
    template <callable F, RAMIE_LAST A>                                                                                \
    head(F&& f, A&& a, RAMIE_PLACE) before(where, RAMIE_AS_GIVEN(F, f), RAMIE_GIVEN_1) after                           \
    template <callable F, class A, RAMIE_LAST B>                                                                       \
    head(F&& f, A&& a, B&& b, RAMIE_PLACE) before(where, RAMIE_AS_GIVEN(F, f), RAMIE_GIVEN_2) after                    \
    template <callable F, class A, class B, RAMIE_LAST C>                                                              \
    head(F&& f, A&& a, B&& b, C&& c, RAMIE_PLACE) before(where, RAMIE_AS_GIVEN(F, f), RAMIE_GIVEN_3) after             \
    template <callable F, class A, class B, class C, RAMIE_LAST D>                                                     \
    head(F&& f, A&& a, B&& b, C&& c, D&& d, RAMIE_PLACE) before(where, RAMIE_AS_GIVEN(F, f), RAMIE_GIVEN_4) after      \
    template <callable F, class A, class B, class C, class D, RAMIE_LAST E>                                            \
    head(F&& f, A&& a, B&& b, C&& c, D&& d, E&& e, RAMIE_PLACE)                                                        \
        before(where, RAMIE_AS_GIVEN(F, f), RAMIE_GIVEN_5) after                                                       \
    template <callable F, class A, class B, class C, class D, class E, RAMIE_LAST G>                                   \
    head(F&& f, A&& a, B&& b, C&& c, D&& d, E&& e, G&& g, RAMIE_PLACE)                                                 \
        before(where, RAMIE_AS_GIVEN(F, f), RAMIE_GIVEN_6) after                                                       \
    template <callable F, class A, class B, class C, class D, class E, class G, RAMIE_LAST H>                          \
    head(F&& f, A&& a, B&& b, C&& c, D&& d, E&& e, G&& g, H&& h, RAMIE_PLACE)                                          \
        before(where, RAMIE_AS_GIVEN(F, f), RAMIE_GIVEN_7) after                                                       \
    template <callable F, class A, class B, class C, class D, class E, class G, class H, RAMIE_LAST I>                 \
    head(F&& f, A&& a, B&& b, C&& c, D&& d, E&& e, G&& g, H&& h, I&& i, RAMIE_PLACE)                                   \
        before(where, RAMIE_AS_GIVEN(F, f), RAMIE_GIVEN_8) after                                                       \
    template <callable F, class A, class B, class C, class D, class E, class G, class H, class I, RAMIE_LAST J, RAMIE_LAST... More>\
    head(F&& f, A&& a, B&& b, C&& c, D&& d, E&& e, G&& g, H&& h, I&& i, J&& j, More&&... more)                         \
        before(::std::source_location(), RAMIE_AS_GIVEN(F, f), RAMIE_GIVEN_8, RAMIE_AS_GIVEN(J, j), RAMIE_AS_GIVEN(More, more)...) after
// clang-format on
