// ramie::posix: poll, select, epoll_wait and the sleeps.
#include "chance.hpp"
#include "plain_fds.hpp"

#include <algorithm>
#include <memory>
#include <vector>

#include <sys/epoll.h>

using namespace ramie::testing;
namespace posix = ramie::posix;

TEST_CASE("posix poll: waits for the one of 500 that becomes ready") {
    on_each_runtime([] {
        std::vector<std::unique_ptr<two_fds>> pairs;
        std::vector<pollfd> asked;
        for (int i = 0; i < 500; ++i) {
            int ends[2];
            REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
            pairs.push_back(std::make_unique<two_fds>(ends[0], ends[1]));
            asked.push_back({ends[0], POLLIN, 0});
        }
        for (int const which : {0, 250, 499}) {
            auto waiting = parked([&] { return posix::poll(asked.data(), asked.size(), -1); });
            CHECK(!waiting.is_finished());
            posix::write(pairs[static_cast<std::size_t>(which)]->there, "x", 1);
            CHECK(soon([&] { return waiting.get(); }) == 1);
            CHECK(asked[static_cast<std::size_t>(which)].revents == POLLIN);
            char b;
            posix::read(pairs[static_cast<std::size_t>(which)]->here, &b, 1);
        }
    });
}

TEST_CASE("posix poll: negative, invalid and repeated descriptors") {
    on_each_runtime([] {
        auto const ends = socket_pair();
        pollfd asked[] = {
            {-1, POLLIN, 7}, {ends.here, POLLIN, 0}, {ends.here, POLLIN | POLLOUT, 0}, {ends.here, POLLIN, 0}};
        CHECK(posix::poll(asked, 4, -1) == 1);
        CHECK(asked[0].revents == 0);
        CHECK(asked[2].revents == POLLOUT);
        asked[2].events = POLLIN;
        auto waiting = parked([&] { return posix::poll(asked, 4, -1); });
        CHECK(!waiting.is_finished());
        posix::write(ends.there, "x", 1);
        CHECK(soon([&] { return waiting.get(); }) == 3);
        pollfd invalid[] = {{1 << 20, POLLIN, 0}, {ends.there, POLLIN, 0}};
        CHECK(posix::poll(invalid, 2, -1) == 1);
        CHECK(invalid[0].revents == POLLNVAL);
    });
}

TEST_CASE("posix poll: times out, at once with 0, and without descriptors") {
    on_each_runtime([] {
        auto const ends = socket_pair();
        pollfd asked{ends.here, POLLIN, 0};
        CHECK(posix::poll(&asked, 1, 0) == 0);
        CHECK(soon([&] { return posix::poll(&asked, 1, 5); }) == 0);
        CHECK(soon([&] { return posix::poll(nullptr, 0, 5); }) == 0);
        timespec const little{0, 3'000'000}, nothing{}, wrong{0, 2'000'000'000};
        CHECK(soon([&] { return posix::ppoll(&asked, 1, &little, nullptr); }) == 0);
        CHECK(posix::ppoll(&asked, 1, &nothing, nullptr) == 0);
        CHECK(result_of([&] { return posix::ppoll(&asked, 1, &wrong, nullptr); }) == said{-1, EINVAL});
    });
}

TEST_CASE("posix poll: POLLHUP, POLLRDHUP and POLLPRI are waited for although there is ordinary data") {
    on_each_runtime([] {
        plain_listener listener;
        two_fds ends(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), -1);
        REQUIRE(posix::connect(ends.here, listener.name(), sizeof listener.at) == 0);
        ends.there = posix::accept(listener.fd, nullptr, nullptr);
        posix::write(ends.there, "data", 4);
        pollfd urgent{ends.here, POLLPRI, 0}, ended{ends.here, POLLRDHUP, 0}, hung{ends.here, 0, 0};
        auto a = parked([&] { return posix::poll(&urgent, 1, -1); });
        auto b = parked([&] { return posix::poll(&ended, 1, -1); });
        auto c = parked([&] { return posix::poll(&hung, 1, -1); });
        posix::write(ends.there, "more", 4);
        let_others_park();
        CHECK((!a.is_finished() && !b.is_finished() && !c.is_finished()));
        posix::send(ends.there, "!", 1, MSG_OOB);
        CHECK(soon([&] { return a.get(); }) == 1);
        CHECK(urgent.revents == POLLPRI);
        CHECK(!b.is_finished());
        posix::shutdown(ends.there, SHUT_WR);
        CHECK(soon([&] { return b.get(); }) == 1);
        CHECK(ended.revents == POLLRDHUP);
        posix::shutdown(ends.here, SHUT_WR);
        CHECK(soon([&] { return c.get(); }) == 1);
        CHECK((hung.revents & POLLHUP) != 0);
    });
}

TEST_CASE("posix poll: an event that was not asked for does not make it spin") {
    ramie::runtime one({.workers = 1});
    one.block_on([&] {
        auto const ends = socket_pair();
        pollfd urgent{ends.here, POLLPRI, 0};
        auto polling = parked([&] { return posix::poll(&urgent, 1, 10'000); });
        posix::write(ends.there, "data", 4);
        let_others_park();
        auto const before = one.metrics().picks;
        ramie::this_fiber::sleep_for(30ms);
        CHECK(one.metrics().picks - before < 20);
        polling.abort();
        CHECK(soon([&] { return polling.get(); }) == -1);
    });
}

TEST_CASE("posix select: the three sets, the time left, a number that is not open") {
    on_each_runtime([] {
        auto const ends = socket_pair();
        auto const other = socket_pair();
        fd_set readable, writable;
        auto const set = [&] {
            FD_ZERO(&readable);
            FD_ZERO(&writable);
            FD_SET(ends.here, &readable);
            FD_SET(other.here, &readable);
        };
        auto const count = std::max(ends.here, other.here) + 1;
        set();
        timeval little{0, 5000};
        CHECK(soon([&] { return posix::select(count, &readable, nullptr, nullptr, &little); }) == 0);
        CHECK((little.tv_sec == 0 && little.tv_usec == 0));
        CHECK(!FD_ISSET(ends.here, &readable));

        set();
        timeval much{50, 0};
        auto waiting = parked([&] { return posix::select(count, &readable, &writable, nullptr, &much); });
        CHECK(!waiting.is_finished());
        posix::write(other.there, "x", 1);
        CHECK(soon([&] { return waiting.get(); }) == 1);
        CHECK(FD_ISSET(other.here, &readable));
        CHECK(!FD_ISSET(ends.here, &readable));
        CHECK(much.tv_sec < 50);

        FD_SET(ends.here, &writable);
        timespec const far{50, 0};
        CHECK(posix::pselect(count, &readable, &writable, nullptr, &far, nullptr) == 2);
        FD_ZERO(&readable);
        FD_SET(1000, &readable);
        CHECK(result_of([&] { return posix::select(1001, &readable, nullptr, nullptr, nullptr); }) == said{-1, EBADF});
        CHECK(result_of([&] { return posix::select(-1, nullptr, nullptr, nullptr, nullptr); }) == said{-1, EINVAL});
    });
}

TEST_CASE("posix select: a hang-up makes readable, and nothing else") {
    on_each_runtime([] {
        auto pipe = pipe_pair();
        pipe.close_there();
        auto const selected = [&](bool also_readable) {
            fd_set readable, writable;
            FD_ZERO(&readable);
            FD_ZERO(&writable);
            if (also_readable) FD_SET(pipe.here, &readable);
            FD_SET(pipe.here, &writable);
            timeval little{0, 5000};
            auto const bits =
                soon([&] { return posix::select(pipe.here + 1, &readable, &writable, nullptr, &little); });
            CHECK(FD_ISSET(pipe.here, &readable) == also_readable);
            CHECK(!FD_ISSET(pipe.here, &writable));
            return bits;
        };
        CHECK(selected(true) == 1);
        CHECK(selected(false) == 0);
    });
}

TEST_CASE("posix poll: goes on with what has the number now") {
    on_each_runtime([] {
        auto const before = socket_pair(), after = socket_pair();
        pollfd asked{before.here, POLLIN, 0};
        auto polling = parked([&] { return posix::poll(&asked, 1, -1); });
        CHECK(posix::dup2(after.here, before.here) == before.here);
        let_others_park();
        CHECK(!polling.is_finished());
        posix::write(after.there, "x", 1);
        CHECK(soon([&] { return polling.get(); }) == 1);
        CHECK(asked.revents == POLLIN);
    });
}

TEST_CASE("posix epoll_wait: an epoll set of the user's own") {
    on_each_runtime([] {
        auto const ends = socket_pair();
        two_fds const set(::epoll_create1(EPOLL_CLOEXEC), -1);
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.fd = 42;
        REQUIRE(::epoll_ctl(set.here, EPOLL_CTL_ADD, ends.here, &event) == 0);
        CHECK(soon([&] { return posix::epoll_wait(set.here, &event, 1, 3); }) == 0);
        for (int round = 0; round < 3; ++round) {
            auto waiting = parked([&] { return posix::epoll_wait(set.here, &event, 1, -1); });
            CHECK(!waiting.is_finished());
            posix::write(ends.there, "x", 1);
            CHECK(soon([&] { return waiting.get(); }) == 1);
            CHECK(int{event.data.fd} == 42);
            char b;
            posix::read(ends.here, &b, 1);
        }
    });
}

TEST_CASE("posix: the sleeps let others run, and end when it is time") {
    on_each_runtime([] {
        using clock = std::chrono::steady_clock;
        auto const at_least = [](auto duration, auto&& f) {
            auto const begin = clock::now();
            bool ran = false;
            auto other = ramie::spawn([&] { ran = true; });
            f();
            CHECK(clock::now() - begin >= duration);
            CHECK(ran);
            other.get();
        };
        at_least(5ms, [] { CHECK(posix::usleep(5000) == 0); });
        timespec const t{0, 5'000'000};
        at_least(5ms, [&] { CHECK(posix::nanosleep(&t, nullptr) == 0); });
        at_least(5ms, [&] { CHECK(posix::clock_nanosleep(CLOCK_MONOTONIC, 0, &t, nullptr) == 0); });
        for (clockid_t const id : {CLOCK_REALTIME, CLOCK_MONOTONIC}) {
            timespec now;
            ::clock_gettime(id, &now);
            now.tv_nsec += 5'000'000;
            if (now.tv_nsec >= 1'000'000'000) now.tv_nsec -= 1'000'000'000, ++now.tv_sec;
            at_least(4ms, [&] { CHECK(posix::clock_nanosleep(id, TIMER_ABSTIME, &now, nullptr) == 0); });
            CHECK(posix::clock_nanosleep(id, TIMER_ABSTIME, &t, nullptr) == 0);  // long past
        }
        timespec const wrong{0, -1};
        CHECK(result_of([&] { return posix::nanosleep(&wrong, nullptr); }) == said{-1, EINVAL});
        CHECK(posix::clock_nanosleep(CLOCK_MONOTONIC, 0, &wrong, nullptr) == EINVAL);
        CHECK(posix::sleep(0) == 0);
    });
}
