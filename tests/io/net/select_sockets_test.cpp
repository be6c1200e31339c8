// Sockets in a select: on_accept, on_readable, on_writable. Only the winner takes effect.
#include "chance.hpp"
#include "sockets.hpp"

#include <ramie/cancellation_token.hpp>
#include <ramie/io_metrics.hpp>
#include <ramie/notify.hpp>
#include <ramie/select.hpp>
#include <ramie/spawn.hpp>

#include <algorithm>
#include <atomic>
#include <optional>
#include <thread>
#include <vector>

#include <sys/resource.h>

using namespace ramie::testing;
using ramie::tcp_listener;
using ramie::tcp_stream;

namespace {

using accepted = std::expected<tcp_stream, std::error_code>;
using ready = std::expected<void, std::error_code>;

auto const ignore = [](auto&&...) {};

// Keeps what was accepted.
struct catcher {
    std::optional<accepted> got;
    auto operator()() {
        return [this](accepted a) { got.emplace(std::move(a)); };
    }
};

bool is_readable_now(tcp_stream& s) {
    return ramie::select(ramie::on_readable(s, ignore), ramie::otherwise(ignore)) == 0;
}
bool is_writable_now(tcp_stream& s) {
    return ramie::select(ramie::on_writable(s, ignore), ramie::otherwise(ignore)) == 0;
}

// A case that is never ready; but while it queues, an event comes for the case before it.
struct late_event {
    raw_peer& peer;
    bool poll() { return false; }
    ramie::detail::enlisting enlist(ramie::detail::waiter&, std::uint64_t) {
        peer.send("x");
        std::this_thread::sleep_for(5ms);  // blocks the worker: another worker sees the event
        return ramie::detail::enlisting::queued;
    }
    bool withdraw() noexcept { return false; }
    ramie::detail::time_point limit() const noexcept { return ramie::detail::never; }
    void complete() {}
};

// Takes all descriptors of this process.
class full_table {
  public:
    full_table() {
        REQUIRE(::getrlimit(RLIMIT_NOFILE, &before_) == 0);
        auto lower = before_;
        lower.rlim_cur = std::min<rlim_t>(lower.rlim_cur, 1024);
        REQUIRE(::setrlimit(RLIMIT_NOFILE, &lower) == 0);
        for (int fd; (fd = ::dup(STDERR_FILENO)) >= 0;) taken_.push_back(fd);
    }
    full_table(full_table const&) = delete;
    full_table& operator=(full_table const&) = delete;
    ~full_table() {
        while (!taken_.empty()) free_one();
        ::setrlimit(RLIMIT_NOFILE, &before_);
    }
    void free_one() {
        ::close(taken_.back());
        taken_.pop_back();
    }

  private:
    rlimit before_{};
    std::vector<int> taken_;
};

}  // namespace

TEST_CASE("cases: on_accept takes a connection that is there, and waits for one that is not") {
    on_each_runtime([] {
        auto listener = listener_on_loopback();
        catcher caught;
        CHECK(ramie::select(ramie::on_accept(listener, caught()), ramie::otherwise(ignore)) == 1);
        raw_peer const first(listener.local_endpoint());
        CHECK(ramie::select(ramie::on_accept(listener, caught()), ramie::otherwise(ignore)) == 0);
        REQUIRE(caught.got.has_value());
        CHECK(caught.got->has_value());
        auto waiting = ramie::spawn([&] {
            return ramie::select(ramie::on_accept(listener, caught()), ramie::on_sleep(1h, ignore));
        });
        let_others_park();
        raw_peer second(listener.local_endpoint());
        CHECK(soon([&] { return waiting.get(); }) == 0);
        second.send("hello");
        CHECK(text_from(caught.got->value()) == "hello");
    });
}

TEST_CASE("cases: a select that goes on by another case has accepted nothing") {
    on_each_runtime([] {
        auto listener = listener_on_loopback();
        ramie::notify signal;
        for (int i = 0; i < 3; ++i) {
            signal.notify_one();
            raw_peer peer(listener.local_endpoint());
            CHECK(ramie::select_biased(ramie::on_notified(signal, ignore), ramie::on_accept(listener, ignore)) == 0);
            peer.send("still there");
            auto stream = soon([&] { return listener.accept(); });
            CHECK(text_from(stream.value()) == "still there");
            CHECK(ramie::select(ramie::on_accept(listener, ignore), ramie::on_sleep(1ms, ignore)) == 1);
        }
    });
}

TEST_CASE("cases: of many selects that wait for one connection, one gets it and the others go on") {
    on_each_runtime([] {
        auto listener = listener_on_loopback();
        ramie::cancellation_token stop;
        std::atomic<int> got{0}, stopped{0};
        std::vector<ramie::join_handle<void>> tasks;
        for (int i = 0; i < 8; ++i) {
            tasks.push_back(ramie::spawn([&] {
                auto const won = ramie::select(ramie::on_accept(listener, [](accepted a) { CHECK(a.has_value()); }),
                                               ramie::on_cancelled(stop, ignore));
                ++(won == 0 ? got : stopped);
            }));
        }
        for (int wanted = 1; wanted <= 3; ++wanted) {
            let_others_park();
            raw_peer const peer(listener.local_endpoint());
            soon([&] {
                while (got < wanted) let_others_park();
            });
            CHECK(got == wanted);
        }
        stop.cancel();
        for (auto& t : tasks) soon([&] { t.get(); });
        CHECK(got == 3);
        CHECK(stopped == 5);
    });
}

TEST_CASE("cases: a timeout or an abort of the select leaves the sockets usable") {
    on_each_runtime([] {
        auto listener = listener_on_loopback();
        auto pair = connect_pair();
        auto const both = [&] {
            return ramie::select(ramie::on_accept(listener, ignore), ramie::on_readable(pair.here, ignore));
        };
        CHECK_FALSE(ramie::timeout(3ms, both).has_value());
        auto waiting = ramie::spawn(both);
        let_others_park();
        CHECK(waiting.abort_and_join().error().is_cancelled());
        raw_peer const peer(listener.local_endpoint());
        CHECK(soon(both) == 0);
        CHECK(pair.there.write_all("x").has_value());
        CHECK(soon(both) == 1);
        CHECK(text_from(pair.here) == "x");
    });
}

TEST_CASE("cases: a socket that is closed meanwhile, or was before, makes its case win with the error") {
    on_each_runtime([] {
        auto listener = listener_on_loopback();
        auto pair = connect_pair();
        std::vector<std::error_code> errors;
        auto const note = [&](auto&& result) { errors.push_back(error_in(result)); };
        auto const wait = [&] {
            ramie::select(ramie::on_accept(listener, note), ramie::on_sleep(1h, ignore));
            ramie::select(ramie::on_readable(pair.here, note), ramie::on_sleep(1h, ignore));
        };
        auto waiting = ramie::spawn(wait);
        let_others_park();
        listener.close();
        let_others_park();
        pair.here.close();
        soon([&] { waiting.get(); });
        wait();
        ramie::select(ramie::on_writable(pair.here, note), ramie::on_sleep(1h, ignore));
        REQUIRE(errors.size() == 5);
        CHECK((errors[0] == std::errc::operation_canceled || errors[0] == std::errc::bad_file_descriptor));
        CHECK((errors[1] == std::errc::operation_canceled || errors[1] == std::errc::bad_file_descriptor));
        for (std::size_t i = 2; i < 5; ++i) CHECK(errors[i] == std::errc::bad_file_descriptor);
    });
}

TEST_CASE("cases: on_readable consumes nothing; it is ready for the end and for a reset, too") {
    on_each_runtime([] {
        raw_pair pair;
        CHECK_FALSE(is_readable_now(pair.stream));
        CHECK_FALSE(is_readable_now(pair.stream));
        auto const wait = [&] {
            CHECK(soon([&] { return ramie::select(ramie::on_readable(pair.stream, ignore)); }) == 0);
        };
        auto waiting = ramie::spawn(wait);
        let_others_park();
        pair.peer.send("hello");
        soon([&] { waiting.get(); });
        CHECK(is_readable_now(pair.stream));
        CHECK(is_readable_now(pair.stream));
        CHECK(text_from(pair.stream) == "hello");
        CHECK_FALSE(is_readable_now(pair.stream));
        pair.peer.send_and_end("!");
        wait();
        CHECK(all_text_from(pair.stream) == "!");
        wait();
        raw_pair broken;
        broken.peer.reset();
        CHECK(soon([&] { return ramie::select(ramie::on_readable(broken.stream, ignore)); }) == 0);
        std::byte b[1];
        CHECK(error_in(broken.stream.read(b)) == std::errc::connection_reset);
    });
}

TEST_CASE("cases: no byte is overlooked, however close it comes to the wait for it") {
    on_each_runtime([] {
        auto pair = connect_pair();
        auto const count = rounds(3000);
        auto const answer = [&](tcp_stream& s) {
            auto const wait = [&] { return ramie::select(ramie::on_readable(s, ignore), ramie::on_sleep(1h, ignore)); };
            for (std::size_t i = 0; i < count; ++i) {
                CHECK(soon(wait) == 0);
                CHECK(text_from(s) == "x");
                CHECK(s.write("x").has_value());
            }
        };
        auto other = ramie::spawn([&] { answer(pair.there); });
        CHECK(pair.here.write("x").has_value());
        answer(pair.here);
        other.get();
        CHECK(soon([&] { return text_from(pair.there); }) == "x");
    });
}

TEST_CASE("cases: what comes between queueing and parking wins") {
    ramie::run({.workers = 2}, [] {
        raw_pair pair;
        for (int i = 0; i < 5; ++i) {
            CHECK(soon([&] {
                return ramie::select_biased(ramie::on_readable(pair.stream, ignore), late_event{pair.peer},
                                            ramie::on_sleep(1h, ignore));
            }) == 0);
            CHECK(text_from(pair.stream) == "x");
        }
    });
}

TEST_CASE("cases: on_writable is ready as long as there is room") {
    on_each_runtime([] {
        auto pair = connect_pair();
        CHECK(is_writable_now(pair.here));
        CHECK_FALSE(ramie::timeout(20ms, [&] { return pair.here.write_all(too_much()); }).has_value());
        CHECK_FALSE(is_writable_now(pair.here));
        auto waiting = ramie::spawn([&] {
            return ramie::select(ramie::on_readable(pair.here, ignore), ramie::on_writable(pair.here, ignore));
        });
        let_others_park();
        CHECK_FALSE(waiting.is_finished());
        auto reading = ramie::spawn([&] { (void)all_text_from(pair.there); });
        CHECK(soon([&] { return waiting.get(); }) == 1);
        CHECK(reading.abort_and_join().error().is_cancelled());
    });
}

TEST_CASE("cases: on_accept sits out a full table of descriptors, trying seldom, while the other cases go on") {
    ramie::run({.workers = 1}, [] {
        auto listener = listener_on_loopback();
        int const client = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        REQUIRE(client >= 0);
        auto const pauses = [before = ramie::io_statistics().accept_pauses] {
            return ramie::io_statistics().accept_pauses - before;
        };
        {
            full_table full;
            auto const to = listener.local_endpoint();
            REQUIRE(::connect(client, to.data(), to.size()) == 0);
            CHECK(ramie::select(ramie::on_accept(listener, ignore), ramie::otherwise(ignore)) == 1);
            CHECK(pauses() == 1);
            auto const started = std::chrono::steady_clock::now();
            while (pauses() < 5) {
                CHECK(ramie::select(ramie::on_accept(listener, ignore), ramie::on_sleep(25ms, ignore)) == 1);
            }
            auto const took = std::chrono::steady_clock::now() - started;
            // Two in each 25 ms: at once, and 10 ms later.
            CHECK(pauses() <= 3 + 3 * static_cast<std::uint64_t>(took / 25ms));
            catcher caught;
            auto waiting = ramie::spawn([&] { ramie::select(ramie::on_accept(listener, caught())); });
            let_others_park();
            full.free_one();
            soon([&] { waiting.get(); });
            CHECK(caught.got->has_value());

            auto closed = ramie::spawn([&] { ramie::select(ramie::on_accept(listener, caught())); });
            let_others_park();
            listener.close();
            soon([&] { closed.get(); });
            CHECK(error_in(*caught.got) == std::errc::operation_canceled);
        }
        ::close(client);
    });
}

TEST_CASE("cases: a fiber whose selects never have to wait lets others run") {
    ramie::run({.workers = 1}, [] {
        auto pair = connect_pair();
        std::atomic<bool> other_ran{false};
        auto other = ramie::spawn([&] { other_ran = true; });
        for (int i = 0; i < 1000 && !other_ran; ++i) ramie::select(ramie::on_writable(pair.here, ignore));
        CHECK(other_ran);
        other.get();
    });
}

TEST_CASE("cases: a plain thread may select on sockets, also after their runtime has ended") {
    std::optional<tcp_listener> listener;
    {
        ramie::runtime rt({.workers = 1});
        rt.block_on([&] { listener.emplace(listener_on_loopback()); });
        catcher caught;
        std::thread waiting([&] { ramie::select(ramie::on_accept(*listener, caught()), ramie::on_sleep(1h, ignore)); });
        raw_peer const peer(listener->local_endpoint());
        waiting.join();
        CHECK(caught.got->has_value());
    }
    catcher caught;
    ramie::select(ramie::on_accept(*listener, caught()), ramie::on_sleep(1h, ignore));
    CHECK(error_in(*caught.got) == std::errc::operation_canceled);
}
