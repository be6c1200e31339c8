// Abandoned calls on the blocking pool: what they may still touch, which fibers wait for them, and that nothing is
// lost. Each call here ends when the test lets it.
#include "file/pool_file.hpp"
#include "sockets.hpp"

#include <ramie/spawn.hpp>

#include <atomic>
#include <cstring>
#include <semaphore>

#include <fcntl.h>

using namespace ramie::testing;
using ramie::detail::pool_file;
using ramie::detail::unique_fd;

namespace {

// The call may still be leaving may_end when the fiber that let it go has ended.
struct held_call {
    struct in_call {
        std::binary_semaphore begun{0}, may_end{0};
        std::atomic<int> calls{0};
    };
    std::shared_ptr<in_call> const shared = std::make_shared<in_call>();
    std::binary_semaphore &begun = shared->begun, &may_end = shared->may_end;
    std::atomic<int>& calls = shared->calls;

    pool_file::system_call returning(long answer) {
        return [shared = shared, answer](int, std::stop_token const&) {
            ++shared->calls;
            shared->begun.release();
            shared->may_end.acquire();
            return answer;
        };
    }
    // For a fiber, which must not block its worker.
    void wait_begun() {
        while (!begun.try_acquire()) ramie::this_fiber::sleep_for(100us);
    }
};

std::shared_ptr<pool_file> some_file() {
    return std::make_shared<pool_file>(unique_fd(::open("/dev/null", O_RDWR | O_CLOEXEC)));
}

pool_file::system_call at_once(long answer) {
    return [answer](int, std::stop_token const&) { return answer; };
}

}  // namespace

TEST_CASE("pool file: a call's answer, or its error") {
    on_each_runtime([] {
        auto const file = some_file();
        CHECK(file->ask("test", at_once(7)).value() == 7);
        CHECK(error_in(file->ask("test", at_once(-ENOSPC))) == std::errc::no_space_on_device);
    });
}

TEST_CASE("pool file: from a plain thread the call is made right there") {
    auto const file = some_file();
    auto const here = std::this_thread::get_id();
    CHECK(file->ask("test", [&](int, auto&) { return std::this_thread::get_id() == here ? 1 : 0; }).value() == 1);
}

TEST_CASE("pool file: several calls run at once") {
    on_each_runtime([] {
        auto const file = some_file();
        held_call first, second;
        auto a = ramie::spawn([&] { return file->ask("test", first.returning(1)).value(); });
        auto b = ramie::spawn([&] { return file->ask("test", second.returning(2)).value(); });
        first.wait_begun();
        second.wait_begun();
        second.may_end.release();
        CHECK(soon([&] { return b.get(); }) == 2);
        first.may_end.release();
        CHECK(soon([&] { return a.get(); }) == 1);
    });
}

TEST_CASE("pool file: an abort or a timeout ends the wait, not the call; the next call begins when that is over") {
    on_each_runtime([] {
        for (bool const by_abort : {true, false}) {
            auto const file = some_file();
            held_call slow;
            std::atomic<bool> slow_ended = false;
            auto const ask_slowly = [&] {
                (void)file->ask("test", [&, call = slow.returning(1)](int fd, std::stop_token const& left) {
                    auto const answer = call(fd, left);
                    CHECK(left.stop_requested());
                    slow_ended = true;
                    return answer;
                });
            };
            if (by_abort) {
                auto asker = ramie::spawn(ask_slowly);
                slow.wait_begun();
                CHECK(soon([&] { return asker.abort_and_join(); }).error().is_cancelled());
            } else {
                CHECK(!ramie::timeout(1ms, [&] {
                    ask_slowly();
                }).has_value());
                // It may not have begun when the time was up; then it never begins.
                if (slow.calls == 0) continue;
            }
            auto next = ramie::spawn([&] {
                return file->ask("test", [&](int, auto&) { return slow_ended ? 1 : 0; }).value();
            });
            // This one may be given up while it waits.
            auto third = ramie::spawn([&] { return file->ask("test", at_once(0)); });
            let_others_park();
            CHECK(!next.is_finished());
            CHECK(third.abort_and_join().error().is_cancelled());
            slow.may_end.release();
            CHECK(soon([&] { return next.get(); }) == 1);
        }
    });
}

TEST_CASE("pool file: a call that is still queued when it is given up on is never made") {
    ramie::run({.workers = 2, .max_blocking_threads = 1}, [] {
        auto const busy = some_file(), file = some_file();
        held_call slow, never_made;
        auto other = ramie::spawn([&] { return busy->ask("test", slow.returning(1)).value(); });
        slow.wait_begun();
        auto asker = ramie::spawn([&] { return file->ask("test", never_made.returning(1)).has_value(); });
        let_others_park();
        CHECK(soon([&] { return asker.abort_and_join(); }).error().is_cancelled());
        slow.may_end.release();
        CHECK(soon([&] { return other.get(); }) == 1);
        CHECK(soon([&] { return file->ask("test", at_once(3)); }).value() == 3);
        CHECK(never_made.calls == 0);
    });
}

TEST_CASE("pool file: close ends all waits at once, and the number is given back after the last call") {
    on_each_runtime([] {
        auto const before = open_descriptors();
        auto const file = some_file();
        held_call first, second;
        auto a = ramie::spawn([&] { return file->ask("test", first.returning(1)); });
        auto b = ramie::spawn([&] { return file->ask("test", second.returning(1)); });
        first.wait_begun();
        second.wait_begun();
        file->close();
        CHECK(error_in(soon([&] { return a.get(); })) == std::errc::operation_canceled);
        CHECK(error_in(soon([&] { return b.get(); })) == std::errc::operation_canceled);
        CHECK(file->fd() == -1);
        CHECK(error_in(file->ask("test", at_once(1))) == std::errc::bad_file_descriptor);
        CHECK(open_descriptors() == before + 1);
        first.may_end.release();
        second.may_end.release();
        soon([&] {
            while (open_descriptors() != before) ramie::this_fiber::sleep_for(1ms);
            return true;
        });
        file->close();
    });
}

TEST_CASE("pool file: close also ends a wait for a call that was left behind") {
    on_each_runtime([] {
        auto const file = some_file();
        held_call slow;
        auto asker = ramie::spawn([&] { return file->ask("test", slow.returning(1)).has_value(); });
        slow.wait_begun();
        CHECK(asker.abort_and_join().error().is_cancelled());
        auto next = ramie::spawn([&] { return file->ask("test", at_once(1)); });
        let_others_park();
        file->close();
        CHECK(error_in(soon([&] { return next.get(); })) == std::errc::operation_canceled);
        slow.may_end.release();
    });
}

TEST_CASE("pool file: a call outlives the file, with its number") {
    on_each_runtime([] {
        held_call slow;
        auto file = some_file();
        std::atomic<int> flags = 0;
        auto asker = ramie::spawn([&, mine = std::move(file)]() mutable {
            (void)mine->ask("test", [&, call = slow.returning(1)](int fd, auto& left) {
                auto const answer = call(fd, left);
                flags = ::fcntl(fd, F_GETFL);
                return answer;
            });
        });
        slow.wait_begun();
        CHECK(asker.abort_and_join().error().is_cancelled());
        slow.may_end.release();
        soon([&] {
            while (flags == 0) ramie::this_fiber::sleep_for(1ms);
            return true;
        });
        CHECK((flags & O_ACCMODE) == O_RDWR);
    });
}

TEST_CASE("pool file: what a reader that was given up on had read goes to the next, in order, and so does the end") {
    on_each_runtime([] {
        auto const file = some_file();
        std::string text(100, '\0');
        auto const bytes = std::as_writable_bytes(std::span(text));
        auto const give_up = [&](std::string what) {
            held_call slow;
            auto reader = ramie::spawn([&] {
                std::string mine(100, 'x');
                (void)file->read_on(std::as_writable_bytes(std::span(mine)),
                                    [&, call = slow.returning(std::ssize(what))](int fd, auto into, auto& left) {
                                        auto const answer = call(fd, left);
                                        std::memcpy(into.data(), what.data(), what.size());
                                        return answer;
                                    });
            });
            slow.wait_begun();
            CHECK(reader.abort_and_join().error().is_cancelled());
            slow.may_end.release();
            CHECK(file->ask("test", at_once(1)).has_value());  // waits until the abandoned call has ended
        };
        auto const not_asked = [](int, auto, auto&) -> long { return -EIO; };
        give_up("one two");
        CHECK(file->read_on(bytes.first(4), not_asked).value() == 4);
        CHECK(text.substr(0, 4) == "one ");
        CHECK(file->read_on(bytes, not_asked).value() == 3);
        CHECK(text.substr(0, 3) == "two");
        give_up("");
        CHECK(file->read_on(bytes, not_asked).value() == 0);
        CHECK(error_in(file->read_on(bytes, not_asked)) == std::errc::io_error);
    });
}

TEST_CASE("pool file: askers that are aborted at any moment leave it in order") {
    on_each_runtime([] {
        auto const file = some_file();
        std::atomic<int> running = 0;
        std::vector<ramie::join_handle<void>> askers;
        for (int i = 0; i < 200; ++i) {
            askers.push_back(ramie::spawn([&] {
                for (;;) {
                    (void)file->ask("test", [&](int, auto&) {
                        ++running;
                        std::this_thread::yield();
                        --running;
                        return 1;
                    });
                }
            }));
        }
        for (auto& each : askers) {
            ramie::this_fiber::yield();
            CHECK(soon([&] { return each.abort_and_join(); }).error().is_cancelled());
        }
        CHECK(file->ask("test", at_once(1)).value() == 1);
        CHECK(running == 0);  // no call was under way any more
    });
}
