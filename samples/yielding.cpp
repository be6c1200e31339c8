// yielding: a long computation that lets others in, instead of keeping its worker to itself.
#include <ramie/ramie.hpp>

#include <cstdio>

int main() {
    // One worker, so that who runs when is easy to see.
    ramie::run({.workers = 1}, [] {
        int steps = 0;
        bool done = false;
        auto other = ramie::spawn([&] {
            int seen = 0;
            for (; !done; ++seen) ramie::this_fiber::yield();
            return seen;
        });
        auto computing = ramie::spawn([&] {
            for (; steps < 1'000'000; ++steps)
                if (steps % 1000 == 0) ramie::this_fiber::yield();  // also where an abort would reach it
            done = true;
        });
        computing.get();
        std::printf("%d steps done; the other task ran in between: %s\n", steps, other.get() > 500 ? "yes" : "no");
    });
}
