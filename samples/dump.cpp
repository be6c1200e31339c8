// dump: what is everybody waiting for? All tasks of a running program, printed while it goes on.
#include <ramie/ramie.hpp>

#include <cstdlib>
#include <iostream>

using namespace std::chrono_literals;

namespace {

void read_messages(ramie::receiver<int> from) {
    while (from.receive()) {}
}

void take_both(ramie::mutex& first, ramie::mutex& second, ramie::barrier<>& both) {
    std::lock_guard const one(first);
    both.arrive_and_wait();  // the other task has its first lock by now
    std::lock_guard const two(second);
}

}  // namespace

int main(int argc, char** argv) {
    int const seconds = argc > 1 ? std::atoi(argv[1]) : 0;
    ramie::run({.workers = 2}, [&] {
        std::vector<ramie::sender<int>> senders;
        std::vector<ramie::scoped_task<void>> readers;
        for (int i = 0; i < 1000; ++i) {
            auto [tx, rx] = ramie::channel<int>(1);
            senders.push_back(std::move(tx));
            readers.emplace_back(ramie::spawn({.name = "reader"}, read_messages, std::move(rx)));
        }
        // A mistake to be found: two tasks take two locks in different orders.
        ramie::mutex a, b;
        ramie::barrier both(2);
        ramie::scoped_task<void> const one(ramie::spawn({.name = "one"}, [&] { take_both(a, b, both); }));
        ramie::scoped_task<void> const two(ramie::spawn({.name = "two"}, [&] { take_both(b, a, both); }));
        ramie::this_fiber::sleep_for(50ms);

        ramie::dump(std::cout);  // or, from outside: kill -QUIT
        std::cout << std::flush;
        ramie::this_fiber::sleep_for(std::chrono::seconds(seconds));  // for trying that
    });
    std::cout << "and the program goes on\n";
}
