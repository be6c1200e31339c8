// Many connections, and too few descriptors.
#include "chance.hpp"
#include "sockets.hpp"

#include <ramie/io_metrics.hpp>
#include <ramie/spawn.hpp>

#include <atomic>
#include <vector>

#include <fcntl.h>
#include <sys/resource.h>

using namespace ramie::testing;
using ramie::tcp_stream;

namespace {

std::size_t descriptor_limit() {
    rlimit limit{};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &limit) == 0);
    limit.rlim_cur = limit.rlim_max;
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &limit) == 0);
    return limit.rlim_cur;
}

// While one of these lives, every descriptor that the process may have is taken.
class full_table {
  public:
    full_table() {
        REQUIRE(::getrlimit(RLIMIT_NOFILE, &before_) == 0);
        auto const highest = ::dup(STDERR_FILENO);  // the lowest free number; those below it are taken
        taken_.push_back(highest);
        rlimit lower = before_;
        lower.rlim_cur = std::min<rlim_t>(before_.rlim_cur, static_cast<rlim_t>(highest) + 64);
        REQUIRE(::setrlimit(RLIMIT_NOFILE, &lower) == 0);
        for (int fd; (fd = ::dup(STDERR_FILENO)) >= 0;) taken_.push_back(fd);
        CHECK(errno == EMFILE);
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

void serve_echo(tcp_stream client) {
    std::byte part[4096];
    for (;;) {
        auto const n = client.read(part);
        if (!n || *n == 0) return;
        if (!client.write_all(std::span(part).first(*n))) return;
    }
}

}  // namespace

TEST_CASE("load: 20,000 short connections") {
    auto const before = open_descriptors();
    for (unsigned const workers : {1u, 4u}) {
        CAPTURE(workers);
        auto const count = rounds(10'000);
        ramie::run({.workers = workers}, [count] {
            auto listener = listener_on_loopback();
            auto server = ramie::spawn([&] {
                for (std::size_t i = 0; i < count; ++i)
                    ramie::spawn(serve_echo, listener.accept().value()).detach();
            });
            std::atomic<std::size_t> next{0};
            std::vector<ramie::join_handle<std::size_t>> clients;
            for (int c = 0; c < 50; ++c) {
                clients.push_back(ramie::spawn([&] {
                    std::size_t good = 0;
                    while (next.fetch_add(1) < count) {
                        auto stream = tcp_stream::connect(listener.local_endpoint()).value();
                        CHECK(stream.write_all("ping").has_value());
                        CHECK(stream.shutdown_write().has_value());
                        good += all_text_from(stream) == "ping" ? 1 : 0;
                    }
                    return good;
                }));
            }
            std::size_t good = 0;
            for (auto& each : clients) good += each.get();
            CHECK(good == count);
            server.get();
        });
        CHECK(open_descriptors() == before);
    }
}

TEST_CASE("load: a thousand connections echo at once, on one to eight workers") {
    auto const before = open_descriptors();
    auto const connections = std::min<std::size_t>(1000, (descriptor_limit() - before - 100) / 2);
    for (unsigned const workers : {1u, 2u, 8u}) {
        CAPTURE(workers);
        ramie::run({.workers = workers}, [connections] {
            auto listener = listener_on_loopback();
            auto server = ramie::spawn([&] {
                for (std::size_t i = 0; i < connections; ++i)
                    ramie::spawn(serve_echo, listener.accept().value()).detach();
            });
            std::vector<ramie::join_handle<bool>> clients;
            for (std::size_t c = 0; c < connections; ++c) {
                clients.push_back(ramie::spawn([&, c] {
                    auto stream = tcp_stream::connect(listener.local_endpoint()).value();
                    for (std::size_t i = 0; i < rounds(30); ++i) {
                        auto const request = std::to_string(c * 1000 + i);
                        std::string answer(request.size(), '\0');
                        if (!stream.write_all(request) || !stream.read_exactly(answer) || answer != request) return false;
                    }
                    return true;
                }));
            }
            for (auto& each : clients) CHECK(each.get());
            server.get();
        });
        CHECK(open_descriptors() == before);
    }
}

TEST_CASE("load: accept sits out a full table of descriptors, and goes on when one of ours is closed") {
    for (unsigned const workers : {1u, 2u}) {
        CAPTURE(workers);
        ramie::run({.workers = workers}, [] {
            auto listener = listener_on_loopback();
            auto spare = connect_pair();
            auto const to = listener.local_endpoint();
            int const client = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
            REQUIRE(client >= 0);
            auto const pauses = ramie::io_statistics().accept_pauses;
            {
                full_table const full;
                auto accepting = ramie::spawn([&] { return listener.accept(); });
                REQUIRE(::connect(client, to.data(), to.size()) == 0);
                while (ramie::io_statistics().accept_pauses < pauses + 3) ramie::this_fiber::sleep_for(1ms);
                CHECK_FALSE(accepting.is_finished());
                spare.here.close();
                CHECK(soon([&] { return accepting.get(); }).has_value());
            }
            ::close(client);
        });
    }
}

TEST_CASE("load: accept sits out a full table of descriptors, and goes on when any is free") {
    ramie::run({.workers = 2}, [] {
        auto listener = listener_on_loopback();
        auto const to = listener.local_endpoint();
        int const client = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        REQUIRE(client >= 0);
        auto const pauses = ramie::io_statistics().accept_pauses;
        {
            full_table full;
            auto accepting = ramie::spawn([&] { return listener.accept(); });
            REQUIRE(::connect(client, to.data(), to.size()) == 0);
            while (ramie::io_statistics().accept_pauses < pauses + 1) ramie::this_fiber::sleep_for(1ms);
            full.free_one();
            CHECK(soon([&] { return accepting.get(); }).has_value());
        }
        ::close(client);
    });
}

TEST_CASE("load: a listener closed, aborted or timed out while it sits out a shortage ends its accepts at once") {
    ramie::run({.workers = 2}, [] {
        auto listener = listener_on_loopback();
        auto const to = listener.local_endpoint();
        int const client = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        REQUIRE(client >= 0);
        {
            full_table const full;
            REQUIRE(::connect(client, to.data(), to.size()) == 0);
            CHECK_FALSE(ramie::timeout(30ms, [&] { return listener.accept().has_value(); }).has_value());
            auto aborted = ramie::spawn([&] { return listener.accept().has_value(); });
            auto closed = ramie::spawn([&] { return error_in(listener.accept()); });
            let_others_park();
            CHECK(aborted.abort_and_join().error().is_cancelled());
            listener.close();
            auto const error = soon([&] { return closed.get(); });
            CHECK((error == std::errc::operation_canceled || error == std::errc::bad_file_descriptor));
        }
        ::close(client);
    });
}

TEST_CASE("load: making sockets in a full table is an error") {
    ramie::run({.workers = 1}, [] {
        auto const listener = listener_on_loopback();
        full_table const full;
        CHECK(error_in(tcp_stream::connect(listener.local_endpoint())) == std::errc::too_many_files_open);
        CHECK(error_in(ramie::tcp_listener::bind(ramie::endpoint::loopback_v4(0))) == std::errc::too_many_files_open);
    });
}
