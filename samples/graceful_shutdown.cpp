// graceful_shutdown [PORT]: on SIGTERM stop accepting, let connections finish, and after a deadline abort the rest.
#include "support/port_argument.hpp"

#include <ramie/ramie.hpp>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <mutex>
#include <vector>

using namespace std::chrono_literals;

namespace {

constexpr auto drain_limit = 2s;

void serve(ramie::tcp_stream client) {
    // Destructors run when a task is aborted, too.
    struct goodbye {
        ~goodbye() { std::puts("connection over"); }
    } const says_goodbye;
    std::array<std::byte, 4096> buffer;
    for (;;) {
        auto const got = client.read(buffer);
        if (!got || *got == 0) return;
        if (!client.write_all(std::span(buffer).first(*got))) return;
    }
}

// The connections that are open now.
class connections {
  public:
    void add(ramie::join_handle<void> task) {
        std::lock_guard const held(lock_);
        forget_finished();
        open_.push_back(std::move(task));
    }

    std::size_t count() {
        std::lock_guard const held(lock_);
        forget_finished();
        return open_.size();
    }

    void drain(std::chrono::steady_clock::time_point deadline) {
        std::lock_guard const held(lock_);
        int drained = 0, aborted = 0;
        for (auto& task : open_) {
            bool const ended = task.wait_until(deadline) || task.abort_and_join().has_value();
            ++(ended ? drained : aborted);
        }
        std::printf("ended by themselves: %d, aborted: %d\n", drained, aborted);
    }

  private:
    void forget_finished() {
        std::erase_if(open_, [](auto const& task) { return task.is_finished(); });
    }

    ramie::mutex lock_;  // may be held over a wait, unlike std::mutex
    std::vector<ramie::join_handle<void>> open_;
};

// Signals are waited for on a thread of the blocking pool; a wait that is no longer wanted sees its stop_token.
int next_signal(std::stop_token stop, sigset_t signals) {
    timespec const look_again{0, 100'000'000};
    while (!stop.stop_requested())
        if (int const number = ::sigtimedwait(&signals, nullptr, &look_again); number > 0) return number;
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    // Before any thread exists, so that all inherit it: these signals are only taken by next_signal.
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);

    auto const port = port_argument(argc, argv);
    std::setvbuf(stdout, nullptr, _IOLBF, 0);  // each line at once, also into a pipe
    return ramie::run([&] {
        auto listener = ramie::tcp_listener::bind("127.0.0.1", port);
        if (!listener) {
            std::fprintf(stderr, "cannot listen on port %u: %s\n", port, listener.error().message().c_str());
            return 1;
        }
        std::printf("listening on 127.0.0.1:%u\n", listener->local_port());

        connections open;
        auto accepting = ramie::spawn([&] {
            while (auto client = listener->accept()) open.add(ramie::spawn(serve, std::move(*client)));
        });
        int const number =
            ramie::spawn_blocking([&](std::stop_token stop) { return next_signal(stop, signals); }).get();

        listener->close();  // the accepting task's accept() returns an error at once
        accepting.get();
        std::printf("signal %d: no more connections, %zu open\n", number, open.count());
        open.drain(std::chrono::steady_clock::now() + drain_limit);
        return 0;
    });
}
