// ramie::posix: accept, connect, and looking up names.
#include "chance.hpp"
#include "libc/libc_calls.hpp"
#include "plain_fds.hpp"

#include <array>
#include <atomic>
#include <set>
#include <thread>
#include <vector>

#include <sys/un.h>

using namespace ramie::testing;
namespace posix = ramie::posix;

TEST_CASE("posix accept: fibers that accept on one blocking listener get one connection each") {
    on_each_runtime([] {
        plain_listener listener;
        std::vector<ramie::join_handle<int>> accepting;
        for (int i = 0; i < 20; ++i)
            accepting.push_back(
                ramie::spawn([&] { return posix::accept4(listener.fd, nullptr, nullptr, SOCK_CLOEXEC); }));
        let_others_park();
        std::vector<int> fds;
        for (int i = 0; i < 20; ++i) {
            fds.push_back(posix::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
            REQUIRE(soon([&] { return posix::connect(fds.back(), listener.name(), sizeof listener.at); }) == 0);
            CHECK((::fcntl(fds.back(), F_GETFL) & O_NONBLOCK) == 0);
        }
        for (auto& each : accepting) fds.push_back(soon([&] { return each.get(); }));
        CHECK(std::set(fds.begin(), fds.end()).size() == 40);
        CHECK((::fcntl(fds.back(), F_GETFL) & O_NONBLOCK) == 0);
        CHECK((::fcntl(listener.fd, F_GETFL) & O_NONBLOCK) == 0);
        for (int const fd : fds) CHECK(posix::close(fd) == 0);
    });
}

TEST_CASE("posix accept: no fiber is left alone with a listener that another has emptied") {
    ramie::run({.workers = 4}, [] {
        plain_listener listener;
        std::vector<ramie::join_handle<int>> accepting;
        for (int i = 0; i < 20; ++i) {
            accepting.push_back(ramie::spawn([&] {
                int count = 0;
                for (int fd; (fd = posix::accept(listener.fd, nullptr, nullptr)) >= 0; ++count) posix::close(fd);
                return count;
            }));
        }
        constexpr int connections = 1000;
        for (int i = 0; i < connections; ++i) {
            two_fds const each(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), -1);
            REQUIRE(posix::connect(each.here, listener.name(), sizeof listener.at) == 0);
            linger const at_once{1, 0};  // keeps no port
            ::setsockopt(each.here, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
            if (i % 3 == 0) ramie::this_fiber::yield();
        }
        while (posix::poll(std::array{pollfd{listener.fd, POLLIN, 0}}.data(), 1, 0) != 0) posix::usleep(1000);
        posix::shutdown(listener.fd, SHUT_RDWR);
        int sum = 0;
        for (auto& each : accepting) sum += soon([&] { return each.get(); });
        CHECK(sum == connections);
    });
}

namespace {

// libc's accept4, so slow that all other fibers come in between. It does not block, but counts when it would have.
class slow_accept {
  public:
    slow_accept() : real_(ramie::detail::libc_in_use.load()) {
        table() = *real_;
        table().accept4 = [](int listener, sockaddr* from, socklen_t* size, int flags) {
            std::this_thread::sleep_for(10ms);
            pollfd asked{listener, POLLIN, 0};
            if (::poll(&asked, 1, 0) != 0) return ::accept4(listener, from, size, flags);
            ++in_vain;
            errno = EAGAIN;
            return -1;
        };
        ramie::detail::libc_in_use.store(&table());
    }
    slow_accept(slow_accept const&) = delete;
    slow_accept& operator=(slow_accept const&) = delete;
    ~slow_accept() { ramie::detail::libc_in_use.store(real_); }

    static inline std::atomic<int> in_vain{0};

  private:
    static ramie::detail::libc_calls& table() {
        static ramie::detail::libc_calls one{};
        return one;
    }
    ramie::detail::libc_calls const* const real_;
};

}  // namespace

TEST_CASE("posix accept: to ask whether there is a connection and to take it are one step among fibers") {
    slow_accept const calls;
    ramie::run({.workers = 4}, [] {
        plain_listener listener;
        std::atomic<int> begun{0};
        std::vector<ramie::join_handle<int>> accepting;
        for (int i = 0; i < 4; ++i) {
            accepting.push_back(ramie::spawn([&] {
                ++begun;
                while (begun < 4) std::this_thread::yield();  // so each is on a worker of its own
                return posix::accept(listener.fd, nullptr, nullptr);
            }));
        }
        let_others_park();
        for (int i = 0; i < 4; ++i) {  // each connection is reported to all
            two_fds const client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), -1);
            REQUIRE(::connect(client.here, listener.name(), sizeof listener.at) == 0);
            ramie::this_fiber::sleep_for(20ms);
        }
        for (auto& each : accepting) CHECK(posix::close(soon([&] { return each.get(); })) == 0);
    });
    CHECK(slow_accept::in_vain == 0);
}

TEST_CASE("posix connect: refused, wrong kinds of socket, and datagrams") {
    on_each_runtime([] {
        sockaddr_in nobody{};
        {
            plain_listener const gone;
            nobody = gone.at;
        }
        auto const* const to = reinterpret_cast<sockaddr const*>(&nobody);
        two_fds const tcp(posix::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0),
                          posix::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
        CHECK(soon([&] { return result_of([&] { return posix::connect(tcp.here, to, sizeof nobody); }); }) ==
              said{-1, ECONNREFUSED});
        CHECK(posix::connect(tcp.there, to, sizeof nobody) == 0);
        CHECK(result_of([&] { return posix::connect(-1, to, sizeof nobody); }) == said{-1, EBADF});
        CHECK(result_of([&] { return posix::connect(1 << 20, to, sizeof nobody); }) == said{-1, EBADF});
        auto const pipe = pipe_pair();
        CHECK(result_of([&] { return posix::connect(pipe.here, to, sizeof nobody); }) == said{-1, ENOTSOCK});
    });
}

// A listener whose queue is full does not answer: the connection waits. (The kernel's queue takes backlog + 1.)
TEST_CASE("posix connect: SO_SNDTIMEO ends it with EINPROGRESS, O_NONBLOCK begins it only") {
    on_each_runtime([] {
        plain_listener listener(0);
        std::vector<int> fillers;
        for (int i = 0; i < 4; ++i) {
            fillers.push_back(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
            (void)::connect(fillers.back(), listener.name(), sizeof listener.at);
        }
        let_others_park();
        two_fds const limited(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0),
                              ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        timeval const little{0, 20'000};
        REQUIRE(::setsockopt(limited.here, SOL_SOCKET, SO_SNDTIMEO, &little, sizeof little) == 0);
        CHECK(soon([&] {
                  return result_of([&] { return posix::connect(limited.here, listener.name(), sizeof listener.at); });
              }) == said{-1, EINPROGRESS});
        CHECK(result_of([&] { return posix::connect(limited.there, listener.name(), sizeof listener.at); }) ==
              said{-1, EINPROGRESS});
        for (int const fd : fillers) ::close(fd);
    });
}

TEST_CASE("posix connect: waits while a local listener's queue is full") {
    on_each_runtime([] {
        two_fds const listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0),
                               ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        sockaddr_un at{};
        at.sun_family = AF_UNIX;
        socklen_t size = sizeof(sa_family_t);
        auto* const name = reinterpret_cast<sockaddr*>(&at);
        REQUIRE(::bind(listener.here, name, size) == 0);  // the kernel chooses a name
        REQUIRE(::listen(listener.here, 0) == 0);
        size = sizeof at;
        REQUIRE(::getsockname(listener.here, name, &size) == 0);
        REQUIRE(posix::connect(listener.there, name, size) == 0);
        two_fds ends(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), -1);
        auto waiting = parked([&] { return posix::connect(ends.here, name, size); });
        CHECK(!waiting.is_finished());
        two_fds const accepted(posix::accept(listener.here, nullptr, nullptr), -1);
        CHECK(soon([&] { return waiting.get(); }) == 0);
        ends.there = posix::accept(listener.here, nullptr, nullptr);
        CHECK(ends.there >= 0);
        two_fds const aborted(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0),
                              ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        REQUIRE(posix::connect(aborted.here, name, size) == 0);
        said end{};
        auto doomed = parked([&] { end = result_of([&] { return posix::connect(aborted.there, name, size); }); });
        doomed.abort();
        (void)soon([&] { return doomed.join(); });
        CHECK(end == said{-1, ECANCELED});
    });
}

TEST_CASE("posix getaddrinfo: names on the pool, numbers here") {
    on_each_runtime([] {
        addrinfo hints{}, *found = nullptr;
        hints.ai_family = AF_INET;
        hints.ai_socktype = SOCK_STREAM;
        REQUIRE(soon([&] { return posix::getaddrinfo("localhost", "80", &hints, &found); }) == 0);
        auto const& at = *reinterpret_cast<sockaddr_in*>(found->ai_addr);
        CHECK(at.sin_port == htons(80));
        CHECK(ntohl(at.sin_addr.s_addr) == INADDR_LOOPBACK);
        char host[256];
        CHECK(soon([&] {
                  return posix::getnameinfo(found->ai_addr, found->ai_addrlen, host, sizeof host, nullptr, 0, 0);
              }) == 0);
        posix::freeaddrinfo(found);
        REQUIRE(posix::getaddrinfo("127.0.0.1", nullptr, &hints, &found) == 0);
        posix::freeaddrinfo(found);
        hints.ai_flags = AI_NUMERICHOST;
        CHECK(soon([&] { return posix::getaddrinfo("no number", nullptr, &hints, &found); }) == EAI_NONAME);
        auto* const entry = soon([&] { return posix::gethostbyname("localhost"); });
        REQUIRE(entry != nullptr);
        CHECK(entry->h_addrtype == AF_INET);
        hostent result, *where = nullptr;
        char buffer[1024];
        int error = 0;
        CHECK(soon([&] {
                  return posix::gethostbyname2_r("localhost", AF_INET, &result, buffer, sizeof buffer, &where, &error);
              }) == 0);
        CHECK(where == &result);
        CHECK(soon([&] { return posix::gethostbyname_r("localhost", &result, buffer, 1, &where, &error); }) == ERANGE);
        CHECK(soon([&] { return posix::gethostbyname2("localhost", AF_INET); }) != nullptr);
    });
}
