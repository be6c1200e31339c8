// The control: what the other files get wrong, done right. It compiles.
#include <ramie/ramie.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <utility>

using namespace std::chrono_literals;

void correct_use(int& number) {
    auto owned = std::make_unique<int>(1);
    ramie::spawn([](std::unique_ptr<int> p) { return *p; }, std::move(owned)).get();
    auto job = [p = std::make_unique<int>(1)] { return *p; };
    ramie::spawn(std::move(job)).get();
    ramie::spawn([](int& n) { ++n; }, std::ref(number)).get();
    ramie::spawn([&number] { return std::ref(number); }).get().get() = 1;
    ramie::scope children;
    (void)children.spawn([p = std::make_unique<int>(1)] { return *p; });
    ramie::join_set<int> set;
    set.spawn([p = std::make_unique<int>(1)] { return *p; });

    auto [tx, rx] = ramie::channel<std::unique_ptr<int>>(1);
    (void)tx.send(std::make_unique<int>(1));
    (void)ramie::timeout(1s, [&from = rx] { return from.receive(); });
    ramie::select(ramie::on_receive(rx, [](auto) {}), ramie::otherwise([] {}));
    (void)ramie::race([] { return 1; }, [] { return 2; });
}
