// failures: a task that throws and a task that is aborted: joins say which, destructors run, main lives on.
#include <ramie/ramie.hpp>

#include <cstdio>
#include <stdexcept>

using namespace std::chrono_literals;

namespace {

struct guard {
    char const* of;
    ~guard() { std::printf("the guard of %s is destroyed\n", of); }
};

}  // namespace

int main() {
    ramie::run([] {
        auto throwing = ramie::spawn({.name = "throwing"}, [] {
            guard const g{"throwing"};
            throw std::runtime_error("out of luck");
        });
        if (auto const result = throwing.join(); !result && result.error().is_exception())
            std::printf("%s\n", ramie::describe(result.error().exception()).c_str());

        auto sleeping = ramie::spawn({.name = "sleeping"}, [] {
            guard const g{"sleeping"};
            ramie::this_fiber::sleep_for(1h);
        });
        ramie::this_fiber::sleep_for(1ms);
        if (auto const result = sleeping.abort_and_join(); !result && result.error().is_cancelled())
            std::printf("%s was cancelled\n", result.error().name().c_str());
        std::puts("main lives on");
    });
}
