// The memory of a silent TLS connection, and what is left after it. In resident bytes of a process of its own, with the
// peers in another process. The figures are printed by
//     io-tests --no-skip -tc="tls memory: figures*"
#include "child_process.hpp"
#include "peers.hpp"

#include <ramie/detail/ground/config.hpp>

#include <cstdio>
#include <string>
#include <vector>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace ramie::testing;
using ramie::endpoint;
using ramie::tls_listener;
using ramie::tls_stream;

namespace {

constexpr int connections = 1000;
constexpr long most_for_silence = 12 * 1024;

long resident_bytes() {
    long total = 0;
    auto* const status = std::fopen("/proc/self/status", "r");
    REQUIRE(status != nullptr);
    char line[256];
    long kilobytes = 0;
    while (std::fgets(line, sizeof line, status) != nullptr)
        if (std::sscanf(line, "VmRSS: %ld", &kilobytes) == 1 || std::sscanf(line, "VmPTE: %ld", &kilobytes) == 1)
            total += kilobytes * 1024;
    std::fclose(status);
    return total;
}

// A process that makes connections as it is told. Must be made before this process has threads.
class far_peers {
  public:
    far_peers() {
        REQUIRE(::pipe2(orders_, O_CLOEXEC) == 0);
        REQUIRE(::pipe2(answers_, O_CLOEXEC) == 0);
        pid_ = ::fork();
        REQUIRE(pid_ >= 0);
        if (pid_ == 0) {
            ::alarm(200);
            ::close(orders_[1]);
            obey();
            ::_exit(0);
        }
        ::close(orders_[0]);
    }
    far_peers(far_peers const&) = delete;
    far_peers& operator=(far_peers const&) = delete;
    ~far_peers() {
        ::close(orders_[1]);
        ::waitpid(pid_, nullptr, 0);
        ::close(answers_[0]);
        ::close(answers_[1]);
    }

    // In the background; done() tells when all have connected.
    void connect_all(std::uint16_t port) { order({'c', port}); }
    void send_a_byte_each() { order({'s', 0}); }
    void close_all() { order({'x', 0}); }
    void done() {
        char answer;
        REQUIRE(::read(answers_[0], &answer, 1) == 1);
    }

  private:
    struct command {
        char what;
        std::uint16_t port;
    };
    void order(command c) { REQUIRE(::write(orders_[1], &c, sizeof c) == sizeof c); }

    void obey() {
        std::vector<int> sockets;
        command c;
        while (::read(orders_[0], &c, sizeof c) == sizeof c) {
            auto const to = endpoint::loopback_v4(c.port);
            for (int i = 0; c.what == 'c' && i < connections; ++i) {
                sockets.push_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
                if (::connect(sockets.back(), to.data(), to.size()) != 0) ::_exit(1);
            }
            for (int const each : sockets) {
                if (c.what == 's' && ::send(each, "\x16", 1, MSG_NOSIGNAL) != 1) ::_exit(1);
                if (c.what == 'x') ::close(each);
            }
            if (c.what == 'x') sockets.clear();
            if (::write(answers_[1], "k", 1) != 1) ::_exit(1);
        }
    }

    int orders_[2], answers_[2];
    pid_t pid_;
};

// Accepts all connections; a task for each reads it, and ends with the connection.
std::vector<ramie::join_handle<void>> accept_all(tls_listener& listener) {
    std::vector<ramie::join_handle<void>> all;
    for (int i = 0; i < connections; ++i) {
        all.push_back(ramie::spawn([stream = listener.accept().value()]() mutable {
            char b[1];
            (void)stream.read(b);
        }));
    }
    ramie::this_fiber::sleep_for(50ms);  // if that is too short, the figures are too low; never too high
    return all;
}

void use_once(tls_listener& listener) {
    auto client = ramie::spawn([&] { (void)tls_stream::connect("localhost", listener.local_port(), client_config()); });
    (void)listener.accept().value().handshake();
    client.get();
}

}  // namespace

TEST_CASE("tls memory: figures of silence" * doctest::skip()) {
    rlimit const descriptors{4096, 4096};
    (void)::setrlimit(RLIMIT_NOFILE, &descriptors);
    far_peers peers;
    ramie::run({.workers = 1}, [&] {
        auto listener = tls_listener::bind("127.0.0.1", 0, server_config()).value();
        use_once(listener);  // makes what OpenSSL and the runtime need only once
        auto const before = resident_bytes();
        auto const each = [&] { return (resident_bytes() - before) / connections; };

        peers.connect_all(listener.local_port());
        auto tasks = accept_all(listener);
        peers.done();
        auto const silent = each();
        MESSAGE("a silent connection: " << silent << " bytes");
        CHECK(silent < most_for_silence);

        peers.send_a_byte_each();
        peers.done();
        ramie::this_fiber::sleep_for(50ms);
        auto const begun = each();
        MESSAGE("one that has sent a byte: " << begun << " bytes");
        CHECK(begun < most_for_silence);

        peers.close_all();
        peers.done();
        for (auto& task : tasks) task.get();
        MESSAGE("just after they closed: " << each() << " bytes");
        CHECK(each() <= most_for_silence);
    });
}

TEST_CASE("tls memory: figures of what was used" * doctest::skip()) {
    constexpr int pairs = 100;
    ramie::run({.workers = 1}, [] {
        std::vector<tls_pair> all;
        for (int i = 0; i < pairs; ++i) all.push_back(tls_friends());
        std::string const message(64 * 1024, 'x');
        std::string received(message.size(), '\0');
        auto const talk = [&](tls_pair& p) {
            for (auto* const ways : {&p.client, &p.server}) {
                auto& from = *ways;
                auto& to = ways == &p.client ? p.server : p.client;
                auto reader = ramie::spawn([&] { return to.read_exactly(received).has_value(); });
                CHECK(from.write_all(message).has_value());
                CHECK(reader.get());
            }
        };
        talk(all.front());  // makes what is needed only once
        auto const before = resident_bytes();
        for (auto& each : all) talk(each);
        auto const each = (resident_bytes() - before) / pairs;
        MESSAGE("two connections keep of 64 KiB both ways: " << each << " bytes");
        CHECK(each < 16 * 1024);  // of the size of one buffer there are four
    });
}

#if !defined(RAMIE_ASAN) && !defined(RAMIE_TSAN)  // they have memory of their own for each byte
TEST_CASE("tls memory: a silent connection costs less than 12 KiB, and a used one keeps no buffers (forks)") {
    for (auto const* figures : {"tls memory: figures of silence", "tls memory: figures of what was used"}) {
        auto const end = in_fresh_process(figures, "RAMIE_STALL_THRESHOLD_MS", "10000");
        CHECK_MESSAGE(end.exited_with(0), end.output);
        CHECK_MESSAGE(end.said("1 passed"), end.output);
    }
}
#endif
