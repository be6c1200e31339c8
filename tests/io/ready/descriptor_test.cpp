// Descriptors: which user closes the number, and when.
#include "chance.hpp"
#include "ready/interest_set.hpp"
#include "ready/loop.hpp"
#include "sockets.hpp"

#include <atomic>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>

using namespace ramie::detail;
using namespace ramie::testing;

namespace {

bool is_open(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }

unique_fd some_socket() {
    unique_fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    REQUIRE(fd.get() >= 0);
    return fd;
}

}  // namespace

TEST_CASE("descriptor: the number is given back by the last user, not by close") {
    loop l;
    auto owned = l.interest().add(some_socket()).value();
    auto& d = *owned.get();
    auto const number = owned.fd();
    REQUIRE(d.begin_use());
    REQUIRE(d.begin_use());
    owned.close();
    CHECK(is_open(number));
    CHECK(owned.fd() == -1);
    CHECK_FALSE(d.begin_use());
    d.end_use();
    CHECK(is_open(number));
    d.end_use();
    CHECK_FALSE(is_open(number));
    owned.close();
    CHECK_FALSE(d.begin_use());
}

TEST_CASE("descriptor: the owner may go before the last user") {
    loop l;
    auto owned = l.interest().add(some_socket()).value();
    auto& d = *owned.get();
    auto const number = owned.fd();
    REQUIRE(d.begin_use());
    owned = owned_descriptor();
    CHECK(is_open(number));
    CHECK(l.interest().size() == 1);
    d.end_use();
    CHECK_FALSE(is_open(number));
    CHECK(l.interest().size() == 0);
}

TEST_CASE("descriptor: a slot is used again only when its owner has gone") {
    loop l;
    auto first = l.interest().add(some_socket()).value();
    auto* const slot = first.get();
    first.close();
    auto second = l.interest().add(some_socket()).value();
    CHECK(second.get() != slot);
    first = owned_descriptor();
    auto const third = l.interest().add(some_socket()).value();
    CHECK(third.get() == slot);
}

TEST_CASE("descriptor: a thousand slots, each with its own reports") {
    loop l;
    std::vector<owned_descriptor> watched;
    std::vector<unique_fd> others;
    for (int i = 0; i < 1000; ++i) {
        int ends[2];
        REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
        watched.push_back(l.interest().add(unique_fd(ends[0])).value());
        others.emplace_back(ends[1]);
    }
    auto const harvest_all = [&] {
        for (int i = 0; i < 10; ++i) l.harvest();
    };
    harvest_all();
    for (auto& each : watched) each.get()->readiness.clear(direction::read, each.get()->readiness.look());
    for (std::size_t i = 0; i < 1000; i += 7) REQUIRE(::send(others[i].get(), "x", 1, 0) == 1);
    harvest_all();
    for (std::size_t i = 0; i < 1000; ++i) CHECK(watched[i].get()->readiness.look().ready(direction::read) == (i % 7 == 0));
}

TEST_CASE("descriptor: an add that fails closes the number and leaves nothing") {
    loop l;
    unique_fd file(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
    auto const number = file.get();
    CHECK(error_in(l.interest().add(std::move(file))) == std::errc::operation_not_permitted);  // epoll refuses regular files
    CHECK_FALSE(is_open(number));
    CHECK(l.interest().size() == 0);
}

TEST_CASE("descriptor: many users race with close, and the number is closed once, after all of them") {
    loop l;
    for (std::size_t round = 0; round < rounds(100); ++round) {
        auto owned = l.interest().add(some_socket()).value();
        auto& d = *owned.get();
        struct stat mine{};
        REQUIRE(::fstat(owned.fd(), &mine) == 0);
        std::atomic<bool> wrong{false};
        {
            std::vector<std::jthread> threads;
            for (int i = 0; i < 3; ++i) {
                threads.emplace_back([&] {
                    while (d.begin_use()) {
                        struct stat seen{};
                        if (::fstat(d.fd(), &seen) != 0 || seen.st_ino != mine.st_ino) wrong = true;
                        d.end_use();
                    }
                });
            }
            for (int i = 0; i < 2; ++i) {
                threads.emplace_back([&] {
                    std::this_thread::yield();
                    owned.close();
                });
            }
        }
        CHECK_FALSE(wrong);
        CHECK(l.interest().size() == 0);
    }
}
