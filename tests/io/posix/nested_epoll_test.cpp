// ramie::posix: epolls inside epolls, as deep as the kernel allows. On top of some of these Ramie's own cannot be put;
// then a thread of the blocking pool waits.
#include "plain_fds.hpp"

#include <vector>

#include <sys/epoll.h>

using namespace ramie::testing;
namespace posix = ramie::posix;

namespace {

// Each epoll watches the one before; the first watches `fd`.
class nest {
  public:
    nest(int fd, std::size_t depth) {
        for (; sets_.size() < depth; fd = sets_.back()) {
            auto const set = ::epoll_create1(EPOLL_CLOEXEC);
            epoll_event event{};
            event.events = EPOLLIN;
            event.data.u32 = static_cast<std::uint32_t>(sets_.size());
            if (::epoll_ctl(set, EPOLL_CTL_ADD, fd, &event) != 0) {
                ::close(set);
                return;
            }
            sets_.push_back(set);
        }
    }
    nest(nest const&) = delete;
    nest& operator=(nest const&) = delete;
    ~nest() {
        for (int const each : sets_) ::close(each);
    }
    std::size_t depth() const { return sets_.size(); }
    int top() const { return sets_.back(); }

  private:
    std::vector<int> sets_;
};

}  // namespace

TEST_CASE("posix: epoll_wait and poll on nested epolls of every depth wait, are woken, and end by time and abort") {
    auto const probe = pipe_pair();
    auto const deepest = nest(probe.here, 100).depth();
    REQUIRE(deepest >= 4);
    ramie::run({.current_thread = true}, [&] {
        for (std::size_t depth = 1; depth <= deepest; ++depth) {
            CAPTURE(depth);
            auto const pipe = pipe_pair();
            nest const all(pipe.here, depth);
            epoll_event event{};
            auto waiting = parked([&] { return posix::epoll_wait(all.top(), &event, 1, -1); });
            CHECK(!waiting.is_finished());
            CHECK(posix::write(pipe.there, "x", 1) == 1);
            CHECK(waiting.get() == 1);
            CHECK(std::uint32_t{event.data.u32} == depth - 1);
            char b;
            CHECK(posix::read(pipe.here, &b, 1) == 1);

            pollfd asked{all.top(), POLLIN, 0};
            CHECK(posix::poll(&asked, 1, 5) == 0);
            auto polling = parked([&] { return posix::poll(&asked, 1, -1); });
            CHECK(!polling.is_finished());
            CHECK(posix::write(pipe.there, "x", 1) == 1);
            CHECK(polling.get() == 1);
            CHECK(posix::read(pipe.here, &b, 1) == 1);

            said end{};
            auto doomed = parked([&] { end = result_of([&] { return posix::epoll_wait(all.top(), &event, 1, -1); }); });
            doomed.abort();
            (void)doomed.join();
            CHECK(end == said{-1, ECANCELED});
            (void)ramie::timeout(
                3ms, [&] { end = result_of([&] { return posix::epoll_wait(all.top(), &event, 1, -1); }); });
            CHECK(end == said{-1, ETIMEDOUT});
        }
    });
}
