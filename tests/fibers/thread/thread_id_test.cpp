// Who runs: a task or a plain thread, told by one kind of id.
#include "both_ways.hpp"

#include <ramie/jthread.hpp>
#include <ramie/this_thread.hpp>
#include <ramie/thread.hpp>

#include <doctest/doctest.h>

#include <concepts>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <type_traits>
#include <unordered_set>
#include <utility>

using namespace ramie::testing;

using id = ramie::thread::id;
static_assert(std::regular<id> && std::totally_ordered<id> && std::is_trivially_copyable_v<id>);
static_assert(std::is_nothrow_default_constructible_v<id> && id() == id(), "a default-made one is nobody's");
static_assert(!std::is_convertible_v<id, std::uint64_t> && !std::is_convertible_v<id, bool>, "no number");
static_assert(!std::is_convertible_v<std::uint64_t, id> && !std::is_constructible_v<id, std::uint64_t>, "nor made of one");
static_assert(std::is_same_v<std::strong_ordering, decltype(id() <=> id())>);
static_assert(std::is_same_v<ramie::jthread::id, id> && noexcept(ramie::this_thread::get_id()));

namespace {

template <class Char = char>
std::basic_string<Char> text_of(id who) {
    std::basic_ostringstream<Char> out;
    out << who;
    return out.str();
}

}  // namespace

TEST_CASE("thread::id: what is not initialised names nobody") {
    alignas(id) unsigned char place[sizeof(id)];
    for (auto& byte : place) byte = 0xff;
    auto const* const made = ::new (static_cast<void*>(place)) id;
    CHECK(*made == id());
    CHECK(ramie::thread().get_id() == id());
    CHECK(ramie::jthread().get_id() == id());
    CHECK(ramie::this_thread::get_id() != id());
}

TEST_CASE("thread::id: each plain thread has its own, and keeps it") {
    auto const mine = ramie::this_thread::get_id();
    id first, again, second;
    std::thread a([&] {
        first = ramie::this_thread::get_id();
        again = ramie::this_thread::get_id();
    });
    a.join();
    std::thread([&] { second = ramie::this_thread::get_id(); }).join();
    CHECK(first == again);
    CHECK(std::set<id>{mine, first, second, id()}.size() == 4);
    CHECK(ramie::this_thread::get_id() == mine);
}

TEST_CASE("thread::id: tasks have theirs, which no plain thread has") {
    both_ways([](one_thread_carrier& carrier) {
        std::unordered_set<id> ids{ramie::this_thread::get_id(), id()};
        for (int i = 0; i < 20; ++i) std::thread([&] { ids.insert(ramie::this_thread::get_id()); }).join();
        constexpr int tasks = 20;
        int same = 0;
        for (int i = 0; i < tasks; ++i) {
            ramie::thread t([&] {
                auto const before = ramie::this_thread::get_id();
                ids.insert(before);
                ramie::this_thread::yield();
                same += before == ramie::this_thread::get_id();
            });
            ids.insert(t.get_id());
            carrier.drain();
            t.join();
        }
        CHECK(same == tasks);
        CHECK(ids.size() == 2 + 20 + tasks);
    });
}

TEST_CASE("thread::id: is written as text, the same for the same one") {
    both_ways([](one_thread_carrier& carrier) {
        CHECK(text_of(id()) == "no thread");
        CHECK(text_of<wchar_t>(id()) == L"no thread");
        auto const mine = ramie::this_thread::get_id();
        CHECK(text_of(mine).starts_with("thread "));
        CHECK(text_of(mine) == to_string(mine));
        ramie::thread t([] { CHECK(text_of(ramie::this_thread::get_id()) == std::to_string(ramie::this_fiber::id())); });
        auto const its = t.get_id();
        carrier.drain();
        t.join();
        CHECK(text_of(its) != text_of(mine));
#ifdef __cpp_lib_format
        CHECK(std::format("{}", its) == text_of(its));
        CHECK(std::format("{:>12}", id()) == "   no thread");
#endif
    });
}
