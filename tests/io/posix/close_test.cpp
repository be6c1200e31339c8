// ramie::posix: closing numbers for which fibers wait; numbers that are used again, with and without Ramie's knowledge.
#include "chance.hpp"
#include "plain_fds.hpp"

#include <ramie/tcp.hpp>

#include <atomic>
#include <thread>
#include <vector>

using namespace ramie::testing;
namespace posix = ramie::posix;
using ramie::tcp_stream;

TEST_CASE("posix close: a waiting read, write and accept get EBADF, and the peer the end") {
    on_each_runtime([] {
        auto ends = socket_pair();
        plain_listener listener;
        char b;
        auto reading = parked([&] { return result_of([&] { return posix::read(ends.here, &b, 1); }); });
        auto writing = parked(
            [&] { return result_of([&] { return posix::write(ends.here, too_much().data(), too_much().size()); }); });
        std::vector<ramie::join_handle<said>> accepting;
        for (int i = 0; i < 10; ++i)
            accepting.push_back(
                parked([&] { return result_of([&] { return posix::accept(listener.fd, nullptr, nullptr); }); }));
        soon([&] { ends.close_here(); });
        CHECK(soon([&] { return posix::close(std::exchange(listener.fd, -1)); }) == 0);
        CHECK(soon([&] { return reading.get(); }) == said{-1, EBADF});
        auto const written = soon([&] { return writing.get(); });
        CHECK(written.result > 0);
        for (auto& each : accepting) CHECK(soon([&] { return each.get(); }) == said{-1, EBADF});
        std::vector<char> part(1'000'000);
        long received = 0;
        for (ssize_t n; (n = soon([&] { return posix::read(ends.there, part.data(), part.size()); })) > 0;)
            received += n;
        CHECK(received == written.result);
    });
}

TEST_CASE("posix close: a poll says POLLNVAL") {
    on_each_runtime([] {
        auto ends = socket_pair();
        pollfd asked{ends.here, POLLIN, 0};
        auto polling = parked([&] { return posix::poll(&asked, 1, -1); });
        soon([&] { ends.close_here(); });
        CHECK(soon([&] { return polling.get(); }) == 1);
        CHECK(asked.revents == POLLNVAL);
    });
}

TEST_CASE("posix dup2: a call that waits for the number gets EBADF, the next call the new file") {
    on_each_runtime([] {
        auto old = socket_pair();
        auto next = socket_pair();
        char b;
        auto reading = parked([&] { return result_of([&] { return posix::read(old.here, &b, 1); }); });
        CHECK(soon([&] { return posix::dup2(next.here, old.here); }) == old.here);
        CHECK(soon([&] { return reading.get(); }) == said{-1, EBADF});
        auto again = parked([&] { return result_of([&] { return posix::read(old.here, &b, 1); }); });
        posix::write(next.there, "x", 1);
        CHECK(soon([&] { return again.get(); }) == said{1, 0});
        CHECK(posix::dup3(next.there, old.here, O_CLOEXEC) == old.here);
        CHECK(posix::dup2(old.here, old.here) == old.here);
    });
}

TEST_CASE("posix: a number closed behind our back and used again is no trouble") {
    on_each_runtime([] {
        char b;
        int number = -1;
        for (int round = 0; round < 5; ++round) {
            auto ends = socket_pair();
            if (number >= 0 && ends.here != number) {
                REQUIRE(::dup3(ends.here, number, O_CLOEXEC) == number);
                ::close(std::exchange(ends.here, number));
            }
            number = ends.here;
            for (int i = 0; i < 2; ++i) {
                auto reading = parked([&] { return result_of([&] { return posix::read(number, &b, 1); }); });
                CHECK(!reading.is_finished());
                posix::write(ends.there, "x", 1);
                CHECK(soon([&] { return reading.get(); }) == said{1, 0});
            }
            ::close(std::exchange(ends.here, -1));
        }
    });
}

TEST_CASE("posix: a call that waits for a number that another file got unseen leaves, and takes nothing of it") {
    on_each_runtime([] {
        auto old = socket_pair();
        auto const next = socket_pair();
        char b = 0;
        auto reading = parked([&] { return result_of([&] { return posix::read(old.here, &b, 1); }); });
        REQUIRE(::dup2(next.here, old.here) == old.here);
        REQUIRE(posix::write(next.there, "x", 1) == 1);
        pollfd urgent{old.here, POLLPRI, 0};
        auto polling = parked([&] { return posix::poll(&urgent, 1, -1); });  // this poll finds the change
        CHECK(soon([&] { return reading.get(); }) == said{-1, EBADF});
        CHECK(posix::recv(next.here, &b, 1, MSG_DONTWAIT) == 1);
        polling.abort();
        CHECK(soon([&] { return polling.get(); }) == -1);
    });
}

TEST_CASE("posix: a file that a duplicate keeps alive does not disturb the file that has its number now") {
    on_each_runtime([] {
        auto first = socket_pair();
        char b;
        auto reading = parked([&] { return posix::read(first.here, &b, 1); });
        posix::write(first.there, "x", 1);
        CHECK(soon([&] { return reading.get(); }) == 1);
        auto const number = first.here;
        two_fds alive(::dup(number), -1);
        for (bool const told : {true, false}) {
            auto second = socket_pair();
            if (told)
                REQUIRE(posix::dup2(second.here, number) == number);
            else
                REQUIRE(::dup2(second.here, number) == number);
            auto waiting = parked([&] { return posix::read(number, &b, 1); });
            posix::write(first.there, "y", 1);  // an event for the old file
            let_others_park();
            CHECK(!waiting.is_finished());
            posix::write(second.there, "z", 1);
            CHECK(soon([&] { return waiting.get(); }) == 1);
            CHECK(b == 'z');
            // And back to the old file, which is still in the set under this number.
            if (told)
                REQUIRE(posix::dup2(alive.here, number) == number);
            else
                REQUIRE(::dup2(alive.here, number) == number);
            CHECK(soon([&] { return posix::read(number, &b, 1); }) == 1);
            auto back = parked([&] { return posix::read(number, &b, 1); });
            CHECK(!back.is_finished());
            posix::write(first.there, "w", 1);
            CHECK(soon([&] { return back.get(); }) == 1);
            CHECK(b == 'w');
        }
    });
}

TEST_CASE("posix: a native stream's number may be waited for too, and the stream does not notice") {
    on_each_runtime([] {
        auto pair = connect_pair();
        auto const fd = pair.here.native_handle();
        pollfd asked{fd, POLLIN, 0};
        auto polling = parked([&] { return posix::poll(&asked, 1, -1); });
        auto reading = parked([&] {
            pollfd p{fd, POLLIN, 0};
            return posix::poll(&p, 1, -1);
        });
        CHECK(!polling.is_finished());
        CHECK(pair.there.write(std::as_bytes(std::span("x", 1))).value() == 1);
        CHECK(soon([&] { return polling.get(); }) == 1);
        CHECK(soon([&] { return reading.get(); }) == 1);
        CHECK(text_from(pair.here) == "x");
        auto again = parked([&] { return text_from(pair.here); });
        CHECK(pair.there.write(std::as_bytes(std::span("y", 1))).value() == 1);
        CHECK(soon([&] { return again.get(); }) == "y");
    });
}

TEST_CASE("posix: a number that was waited for and is a native stream's next") {
    on_each_runtime([] {
        char b;
        int number = -1;
        auto listener = listener_on_loopback();
        {
            auto ends = socket_pair();
            auto reading = parked([&] { return posix::read(ends.here, &b, 1); });
            posix::write(ends.there, "x", 1);
            CHECK(soon([&] { return reading.get(); }) == 1);
            number = ends.here;
        }  // closed by libc's own call
        auto here = tcp_stream::connect(listener.local_endpoint()).value();
        connected_pair pair{std::move(here), listener.accept().value()};
        CHECK(pair.here.native_handle() == number);
        for (auto* each : {&pair.here, &pair.there}) {
            auto reading = parked([&] { return text_from(*each); });
            auto& other = each == &pair.here ? pair.there : pair.here;
            CHECK(other.write(std::as_bytes(std::span("n", 1))).value() == 1);
            CHECK(soon([&] { return reading.get(); }) == "n");
        }
    });
}

TEST_CASE("posix: a reader and a writer of one socket, and two readers") {
    on_each_runtime([] {
        auto ends = socket_pair();
        char a, b;
        auto one = parked([&] { return posix::read(ends.here, &a, 1); });
        auto two = parked([&] { return posix::read(ends.here, &b, 1); });
        auto writing = parked([&] { return posix::write(ends.here, too_much().data(), 3'000'000); });
        posix::write(ends.there, "12", 2);
        CHECK(soon([&] { return one.get(); }) == 1);
        CHECK(soon([&] { return two.get(); }) == 1);
        CHECK(a + b == '1' + '2');
        std::vector<char> part(100'000);
        for (long left = 3'000'000; left > 0;)
            left -= soon([&] { return posix::read(ends.there, part.data(), part.size()); });
        CHECK(soon([&] { return writing.get(); }) == 3'000'000);
    });
}

TEST_CASE("posix: a socket two runtimes wait for") {
    auto const ends = socket_pair();
    auto const other = socket_pair();
    ramie::runtime first({.workers = 1}), second({.workers = 1});
    auto const read = [&] {
        char b;
        return posix::read(ends.here, &b, 1);
    };
    auto a = first.spawn(read);
    auto b = second.spawn(read);
    std::this_thread::sleep_for(5ms);
    posix::write(ends.there, "12", 2);
    CHECK(a.get() == 1);
    CHECK(b.get() == 1);
}

TEST_CASE("posix: numbers change hands under load, and no fiber reads another file's bytes") {
    // One worker: with more, a reader may be stopped between taking the number and its call, as with libc.
    ramie::run({.workers = 1}, [] {
        std::atomic<int> strangers{0};
        std::vector<ramie::join_handle<void>> all;
        for (int i = 0; i < 8; ++i) {
            all.push_back(ramie::spawn([&, mine = static_cast<char>('a' + i)] {
                for (int round = 0; round < 100; ++round) {
                    auto ends = socket_pair();
                    char b = 0;
                    auto reading = ramie::spawn([&] {
                        for (;;) {
                            auto const n = posix::read(ends.here, &b, 1);
                            if (n <= 0) return;
                            if (b != mine) ++strangers;
                        }
                    });
                    posix::write(ends.there, &mine, 1);
                    if (round % 2 == 0) ramie::this_fiber::yield();
                    auto const number = ends.here;
                    posix::close(number);  // closed while the reader waits; the reader must not see the next file
                    ends.here = -1;
                    reading.get();
                }
            }));
        }
        for (auto& each : all) soon([&] { each.get(); });
        CHECK(strangers == 0);
    });
}
