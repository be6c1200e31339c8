// Unix streams: how connections are made, what they carry, how they end.
#include "chance.hpp"
#include "sockets.hpp"
#include "temp_directory.hpp"

#include <ramie/select.hpp>
#include <ramie/spawn.hpp>
#include <ramie/unix_stream.hpp>

#include <atomic>
#include <fstream>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/syscall.h>

using namespace ramie::testing;
using ramie::unix_endpoint;
using ramie::unix_listener;
using ramie::unix_stream;

namespace {

unix_endpoint somewhere() {
    static std::atomic<int> count{0};
    return unix_endpoint::abstract("ramie-test-" + std::to_string(::getpid()) + "-" + std::to_string(++count)).value();
}

std::string text_from(unix_stream& s, std::size_t most = 4096) {
    std::string text(most, '\0');
    text.resize(s.read(text).value());
    return text;
}

std::string all_text_from(unix_stream& s) {
    std::string all;
    for (auto part = text_from(s); !part.empty(); part = text_from(s)) all += part;
    return all;
}

bool is_end_of_wait(std::error_code const& e) {
    return e == std::errc::operation_canceled || e == std::errc::bad_file_descriptor;
}

}  // namespace

TEST_CASE("unix: connect, accept, write, read, both ways, to the end, by a path and by an abstract name") {
    temp_directory const dir;
    on_each_runtime([&] {
        for (auto const& at : {unix_endpoint::path(dir / "s").value(), somewhere()}) {
            auto listener = unix_listener::bind(at, {.replace_stale = true}).value();
            CHECK(listener.local_endpoint() == at);
            auto server = ramie::spawn([&] {
                auto client = listener.accept().value();
                CHECK(client.write_all("and good day to you").value() == 19);
                CHECK(client.shutdown_write().has_value());
                CHECK(client.local_endpoint().value() == at);
                CHECK(client.peer_endpoint().value().is_unnamed());
                return all_text_from(client);
            });
            auto stream = unix_stream::connect(at).value();
            CHECK(stream.peer_endpoint().value() == at);
            CHECK(stream.write_all("good day").value() == 8);
            CHECK(stream.shutdown_write().has_value());
            CHECK(all_text_from(stream) == "and good day to you");
            CHECK(server.get() == "good day");
        }
    });
}

TEST_CASE("unix: a pair, and the process at its other end") {
    on_each_runtime([] {
        auto [here, there] = unix_stream::pair().value();
        CHECK(here.write_all("x").has_value());
        CHECK(text_from(there) == "x");
        ramie::peer_credentials const us{::getpid(), ::getuid(), ::getgid()};
        CHECK(here.credentials().value() == us);
        auto listener = unix_listener::bind(somewhere()).value();
        auto client = unix_stream::connect(listener.local_endpoint()).value();
        CHECK(listener.accept().value().credentials().value() == us);
        CHECK(client.credentials().value() == us);
    });
}

TEST_CASE("unix: a client is known by process, user and group") {
    if (::geteuid() != 0) {
        MESSAGE("skipped: only root may change users");
        return;
    }
    constexpr uid_t user = 54321;
    constexpr gid_t group = 12345;
    ramie::run({.workers = 1}, [] {
        auto listener = unix_listener::bind(somewhere()).value();
        auto const at = listener.local_endpoint();
        std::thread([&] {
            // Only for this thread: libc's calls would change all threads.
            REQUIRE(::syscall(SYS_setresgid, -1, group, -1) == 0);
            REQUIRE(::syscall(SYS_setresuid, -1, user, -1) == 0);
            int const fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
            CHECK(::connect(fd, at.data(), at.size()) == 0);
            ::close(fd);
        }).join();
        CHECK(listener.accept().value().credentials().value() == ramie::peer_credentials{::getpid(), user, group});
    });
}

TEST_CASE("unix: no listener, no such file, a file that is no socket") {
    temp_directory const dir;
    ramie::run({.workers = 1}, [&] {
        CHECK(error_in(unix_stream::connect(somewhere())) == std::errc::connection_refused);
        CHECK(error_in(unix_stream::connect(unix_endpoint::path(dir / "none").value())) ==
              std::errc::no_such_file_or_directory);
        auto const plain = unix_endpoint::path(dir / "plain").value();
        std::ofstream(std::string(plain.name())) << "precious";
        CHECK(error_in(unix_stream::connect(plain)) == std::errc::connection_refused);
        CHECK(error_in(unix_listener::bind(plain, {.replace_stale = true})) == std::errc::address_in_use);
        std::string kept;
        std::ifstream(std::string(plain.name())) >> kept;
        CHECK(kept == "precious");
    });
}

TEST_CASE("unix: a file that is left over is in the way, unless it is to be replaced; a living one stays") {
    temp_directory const dir;
    ramie::run({.workers = 1}, [&] {
        auto const at = unix_endpoint::path(dir / "s").value();
        { auto const gone = unix_listener::bind(at).value(); }
        CHECK(error_in(unix_stream::connect(at)) == std::errc::connection_refused);
        CHECK(error_in(unix_listener::bind(at)) == std::errc::address_in_use);
        auto const living = unix_listener::bind(at, {.replace_stale = true}).value();
        CHECK(error_in(unix_listener::bind(at, {.replace_stale = true})) == std::errc::address_in_use);
        CHECK(unix_stream::connect(at).has_value());
    });
}

TEST_CASE("unix: outside a runtime a socket cannot be made, and the error says so") {
    CHECK_THROWS_AS((void)unix_stream::connect(somewhere()), ramie::no_runtime);
    CHECK_THROWS_AS((void)unix_listener::bind(somewhere()), ramie::no_runtime);
    CHECK_THROWS_WITH_AS((void)unix_stream::pair(),
                         doctest::Contains("unix_stream::pair was called on a thread that belongs to no runtime"),
                         ramie::no_runtime);
}

TEST_CASE("unix: sockets are non-blocking and close-on-exec, accepted ones too") {
    ramie::run({.workers = 1}, [] {
        auto listener = unix_listener::bind(somewhere()).value();
        auto client = unix_stream::connect(listener.local_endpoint()).value();
        auto server = listener.accept().value();
        auto const pair = unix_stream::pair().value();
        for (int const fd : {listener.native_handle(), client.native_handle(), server.native_handle(),
                             pair.first.native_handle(), pair.second.native_handle()}) {
            CHECK((::fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
            CHECK((::fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
        }
    });
}

TEST_CASE("unix: a full queue makes connect wait; a timeout or an abort ends that and leaves nothing behind") {
    on_each_runtime([] {
        auto listener = unix_listener::bind(somewhere(), {.backlog = 0}).value();
        auto const connect = [&] { return unix_stream::connect(listener.local_endpoint()).has_value(); };
        std::vector<unix_stream> queued;
        for (;;) {
            auto next = ramie::timeout(20ms, [&] { return unix_stream::connect(listener.local_endpoint()); });
            if (!next) break;
            queued.push_back(std::move(next->value()));
            REQUIRE(queued.size() < 16);
        }
        auto const before = open_descriptors();
        auto aborted = ramie::spawn(connect);
        let_others_park();
        CHECK(aborted.abort_and_join().error().is_cancelled());
        CHECK(open_descriptors() == before);
        auto waiting = ramie::spawn(connect);
        let_others_park();
        CHECK_FALSE(waiting.is_finished());
        CHECK(listener.accept().has_value());
        CHECK(soon([&] { return waiting.get(); }));
    });
}

TEST_CASE("unix: a timeout or an abort in read and write leaves the stream usable, and loses no byte") {
    on_each_runtime([] {
        auto [here, there] = unix_stream::pair().value();
        auto const read = [&] { return text_from(here); };
        for (int i = 0; i < 3; ++i) {
            CHECK_FALSE(ramie::timeout(2ms, read).has_value());
            auto aborted = ramie::spawn(read);
            let_others_park();
            CHECK(aborted.abort_and_join().error().is_cancelled());
            CHECK(there.write_all("hello").has_value());
            CHECK(soon(read) == "hello");
        }
        std::size_t done = 0;
        CHECK_FALSE(ramie::timeout(2ms, [&] { return here.write_all(too_much(), done); }).has_value());
        CHECK(here.shutdown_write().has_value());
        std::size_t received = 0;
        std::vector<std::byte> part(100'000);
        while (auto const n = soon([&] { return there.read(part).value(); })) received += n;
        CHECK(received == done);
    });
}

TEST_CASE("unix: close ends accepts, reads and writes at once") {
    on_each_runtime([] {
        auto listener = unix_listener::bind(somewhere()).value();
        auto [here, there] = unix_stream::pair().value();
        std::vector<ramie::join_handle<std::error_code>> waiting;
        for (int i = 0; i < 10; ++i) waiting.push_back(ramie::spawn([&] { return error_in(listener.accept()); }));
        waiting.push_back(ramie::spawn([&] {
            char b[8];
            return error_in(here.read(b));
        }));
        waiting.push_back(ramie::spawn([&] { return error_in(here.write_all(too_much())).code; }));
        let_others_park();
        listener.close();
        here.close();
        for (auto& each : waiting) CHECK(is_end_of_wait(soon([&] { return each.get(); })));
        CHECK(here.native_handle() == -1);
        CHECK(error_in(here.credentials()) == std::errc::bad_file_descriptor);
    });
}

TEST_CASE("unix: writing to a peer that has gone is an error and not a signal, its unread data a reset") {
    ramie::run({.workers = 1}, [] {
        auto [here, there] = unix_stream::pair().value();
        CHECK(here.write_all("never read").has_value());
        there.close();
        CHECK(error_in(here.write("x")) == std::errc::broken_pipe);
        char b[8];
        CHECK(error_in(here.read(b)) == std::errc::connection_reset);
        CHECK(here.read(b) == 0u);
    });
}

TEST_CASE("unix: in a select, accepting and readiness") {
    on_each_runtime([] {
        auto const ignore = [](auto&&...) {};
        auto listener = unix_listener::bind(somewhere()).value();
        std::optional<unix_stream> got;
        auto accepting = ramie::spawn([&] {
            return ramie::select(ramie::on_accept(listener, [&](auto s) { got.emplace(std::move(s.value())); }),
                                 ramie::on_sleep(1h, ignore));
        });
        let_others_park();
        auto client = unix_stream::connect(listener.local_endpoint()).value();
        CHECK(soon([&] { return accepting.get(); }) == 0);
        CHECK(ramie::select(ramie::on_readable(*got, ignore), ramie::otherwise(ignore)) == 1);
        CHECK(client.write_all("x").has_value());
        CHECK(soon([&] { return ramie::select(ramie::on_readable(*got, ignore)); }) == 0);
        CHECK(ramie::select(ramie::on_writable(client, ignore), ramie::otherwise(ignore)) == 0);
    });
}

TEST_CASE("unix: adopted from another maker, and refused if it is something else") {
    ramie::run({.workers = 1}, [] {
        auto const before = open_descriptors();
        {
            int ends[2];
            REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
            ramie::unique_fd const there(ends[1]);
            auto here = unix_stream::adopt(ramie::unique_fd(ends[0])).value();
            CHECK((::fcntl(here.native_handle(), F_GETFL) & O_NONBLOCK) != 0);
            CHECK((::fcntl(here.native_handle(), F_GETFD) & FD_CLOEXEC) != 0);
            CHECK(here.write_all("hello").has_value());
            char b[5];
            CHECK(::read(there.get(), b, sizeof b) == 5);

            auto const at = somewhere();
            ramie::unique_fd listening(::socket(AF_UNIX, SOCK_STREAM, 0));
            REQUIRE(::bind(listening.get(), at.data(), at.size()) == 0);
            CHECK(error_in(unix_listener::adopt(ramie::unique_fd(::dup(listening.get())))) ==
                  std::errc::invalid_argument);
            REQUIRE(::listen(listening.get(), 5) == 0);
            CHECK(error_in(unix_stream::adopt(ramie::unique_fd(::dup(listening.get())))) == std::errc::not_connected);
            CHECK(error_in(ramie::tcp_listener::adopt(ramie::unique_fd(::dup(listening.get())))) ==
                  std::errc::wrong_protocol_type);
            auto listener = unix_listener::adopt(std::move(listening)).value();
            CHECK(listener.local_endpoint() == at);
            auto client = unix_stream::connect(at).value();
            CHECK(listener.accept().has_value());
            CHECK(error_in(unix_listener::adopt(ramie::unique_fd(::dup(STDERR_FILENO)))) == std::errc::not_a_socket);
            CHECK(error_in(unix_stream::adopt(ramie::unique_fd())) == std::errc::bad_file_descriptor);
        }
        CHECK(open_descriptors() == before);
    });
}

TEST_CASE("unix: megabytes arrive byte for byte, through small buffers") {
    on_each_runtime([] {
        auto [here, there] = unix_stream::pair().value();
        CHECK(here.set_send_buffer(4096).has_value());
        std::vector<std::byte> bytes(rounds(2'000'000));
        chance random(1);
        for (auto& b : bytes) b = static_cast<std::byte>(random.next());
        auto writer = ramie::spawn([&] {
            CHECK(here.write_all(bytes).value() == bytes.size());
            here.close();
        });
        std::vector<std::byte> all, part(10'000);
        for (;;) {
            auto const n = there.read(std::span(part).first(1 + random.below(part.size()))).value();
            if (n == 0) break;
            all.insert(all.end(), part.begin(), part.begin() + static_cast<std::ptrdiff_t>(n));
        }
        writer.get();
        CHECK(all == bytes);
    });
}
