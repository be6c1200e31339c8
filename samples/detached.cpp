// detached: tasks that nobody joins; what comes of them arrives by a oneshot, or does not.
#include <ramie/ramie.hpp>

#include <cstdio>

namespace {

int look_up(int key) {
    ramie::this_fiber::sleep_for(std::chrono::milliseconds(key));
    return key * key;
}

}  // namespace

int main() {
    ramie::run([] {
        auto [answer, awaited] = ramie::oneshot<int>();
        // Dropping the handle would do the same; detach() says that it is meant.
        ramie::spawn([to = std::move(answer)]() mutable { (void)to.send(look_up(7)); }).detach();
        std::printf("the answer is %d\n", awaited.receive().value());

        // A task that ends without sending, be it by an exception, drops its end, so nobody waits for ever.
        auto [never_sent, hoped_for] = ramie::oneshot<int>();
        ramie::spawn([to = std::move(never_sent)] {}).detach();
        std::printf("the other one has %s\n", hoped_for.receive() ? "answered" : "gone without an answer");

        // Who no longer wants the answer drops the receiver; the sender learns that nobody took it.
        auto [late, given_up] = ramie::oneshot<int>();
        { auto const dropped = std::move(given_up); }
        ramie::spawn([to = std::move(late)]() mutable {
            if (!to.send(look_up(1))) std::puts("nobody wanted this one");
        }).get();
    });
}
