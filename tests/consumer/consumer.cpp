// What a user of the installed library may write first: a task, its join, TCP to itself, a deadline.
#include <ramie/ramie.hpp>

#include <array>
#include <chrono>
#include <cstdio>
#include <string_view>

using namespace std::chrono_literals;

int main() {
    ramie::run([] {
        auto listener = ramie::tcp_listener::bind("127.0.0.1", 0).value();
        auto echo = ramie::spawn([&listener] {
            auto client = listener.accept().value();
            std::array<char, 5> word{};
            client.read_exactly(word).value();
            return client.write_all(std::string_view(word.data(), word.size())).value();
        });
        auto stream = ramie::tcp_stream::connect("127.0.0.1", listener.local_port()).value();
        stream.write_all("hello").value();
        std::array<char, 5> answer{};
        stream.read_exactly(answer).value();
        std::printf("the echo of %zu bytes is %.5s\n", echo.get(), answer.data());

        auto const result = ramie::timeout(10ms, [] { ramie::this_fiber::sleep_for(1h); });
        std::puts(result ? "an hour has passed" : "the deadline has passed");
    });
}
