// hello: the smallest program: a root task spawns two more, joins them, and takes their values.
#include <ramie/ramie.hpp>

#include <chrono>
#include <cstdio>
#include <stdexcept>
#include <string>

using namespace std::chrono_literals;

namespace {

std::string greet(std::string who, std::chrono::milliseconds after) {
    ramie::this_fiber::sleep_for(after);  // parks this task; its worker thread goes on with others
    return "hello, " + who;
}

}  // namespace

int main() {
    ramie::run([] {
        auto moon = ramie::spawn(greet, "moon", 20ms);
        auto world = ramie::spawn(greet, "world", 10ms);
        std::puts(world.get().c_str());
        std::puts(moon.get().c_str());

        // A task's failure is its join's value.
        auto failing = ramie::spawn([] { throw std::runtime_error("nobody home"); });
        if (auto result = failing.join(); !result) std::puts(result.error().what());
    });
}
