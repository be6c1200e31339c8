// ramie::posix and SIGPIPE: raised where libc's calls raise it, and nowhere else.
#include "plain_fds.hpp"

#include <csignal>
#include <vector>

using namespace ramie::testing;
namespace posix = ramie::posix;

namespace {

// Counts the SIGPIPEs of the process, while it lives.
class sigpipes {
  public:
    sigpipes() {
        count = 0;
        struct sigaction counting {};
        counting.sa_handler = [](int) { count = count + 1; };
        REQUIRE(::sigaction(SIGPIPE, &counting, &before_) == 0);
    }
    sigpipes(sigpipes const&) = delete;
    sigpipes& operator=(sigpipes const&) = delete;
    ~sigpipes() { ::sigaction(SIGPIPE, &before_, nullptr); }

    static inline volatile std::sig_atomic_t count = 0;

  private:
    struct sigaction before_ {};
};

}  // namespace

TEST_CASE("posix: a write without a reader is EPIPE and a SIGPIPE, and with MSG_NOSIGNAL only the error") {
    sigpipes const seen;
    ramie::run({.workers = 1}, [] {
        auto const sockets = socket_pair();
        ::shutdown(sockets.there, SHUT_RD);
        CHECK(result_of([&] { return posix::send(sockets.here, "x", 1, MSG_NOSIGNAL); }) == said{-1, EPIPE});
        CHECK(sigpipes::count == 0);
        CHECK(result_of([&] { return posix::send(sockets.here, "x", 1, 0); }) == said{-1, EPIPE});
        CHECK(sigpipes::count == 1);
        CHECK(result_of([&] { return posix::write(sockets.here, "x", 1); }) == said{-1, EPIPE});
        CHECK(sigpipes::count == 2);
    });
}

TEST_CASE("posix: if the reader goes in the middle of a write, it says how much was taken, and raises no SIGPIPE") {
    sigpipes const seen;
    ramie::run({.workers = 1}, [] {
        std::vector<char> const much(10'000'000);
        for (bool const vectored : {false, true}) {
            auto ends = socket_pair();
            auto writing = parked([&] {
                iovec const halves[] = {{const_cast<char*>(much.data()), much.size() / 2},
                                        {const_cast<char*>(much.data()), much.size() / 2}};
                return vectored ? posix::writev(ends.here, halves, 2)
                                : posix::send(ends.here, much.data(), much.size(), 0);
            });
            CHECK(!writing.is_finished());
            // Reads all bytes that are there, because closing would otherwise reset the writer's end; the writer has no
            // turn in between.
            std::vector<char> into(100'000);
            while (::recv(ends.there, into.data(), into.size(), MSG_DONTWAIT) > 0) {}
            ends.close_there();
            auto const taken = soon([&] { return writing.get(); });
            CHECK(taken > 0);
            CHECK(taken < static_cast<ssize_t>(much.size()));
        }
    });
    CHECK(sigpipes::count == 0);
}
