// fan_out_fibers UPSTREAM_PORT [DEADLINE_MS] [PORT]: asks many upstreams at once for each line, with a deadline.
//
// To be read beside fan_out_coroutines.cpp. The answer is a line with a word for each question: what the upstream said,
// `late`, or `lost`. Each client has connections of its own to the upstreams; they are kept.

#include "../ports/server_process.hpp"
#include "arguments.hpp"
#include "line_reader.hpp"
#include "questions.hpp"

#include <ramie/ramie.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace {

struct settings {
    ramie::endpoint upstream;
    std::chrono::milliseconds deadline;
};

struct connection {
    explicit connection(ramie::tcp_stream s) : stream(std::move(s)) {}
    ramie::tcp_stream stream;
    line_reader lines{stream, fan_out::longest_line};
};

// What `link` answers; it connects first if there is no link, and is left without one whenever the answer is not read.
std::string ask(ramie::endpoint const& upstream, std::unique_ptr<connection>& link, std::string const& question) {
    auto open = std::move(link);
    if (!open) {
        auto made = ramie::tcp_stream::connect(upstream);
        if (!made) return "lost";
        open = std::make_unique<connection>(std::move(*made));
    }
    if (!open->stream.write_all(question + '\n')) return "lost";
    auto answer = open->lines.next();
    if (!answer) return "lost";
    link = std::move(open);
    return std::move(*answer);
}

void serve(ramie::tcp_stream client, settings const& with) {
    std::vector<std::unique_ptr<connection>> links(fan_out::most_questions);
    line_reader lines(client, fan_out::longest_line);
    while (auto const request = lines.next()) {
        auto const questions = fan_out::questions_in(*request);
        std::vector<std::string> answers(questions.size(), "late");
        // When the time is up, the wait for the scope's end is, and leaving the scope by it aborts who is still asking.
        (void)ramie::timeout(with.deadline, [&] {
            ramie::with_scope([&](ramie::scope& asking) {
                for (std::size_t i = 0; i < questions.size(); ++i)
                    asking.spawn([&, i] { answers[i] = ask(with.upstream, links[i], questions[i]); }).detach();
            });
        });
        if (!client.write_all(fan_out::joined(answers))) return;
    }
}

int run_server(std::uint16_t port, settings const& with) {
    auto listener = ramie::tcp_listener::bind("127.0.0.1", port);
    if (!listener) return server_process::cannot_listen(port, listener.error());
    server_process::stop_on_signal(listener->native_handle());
    server_process::say_ready(listener->local_port());
    for (;;) {
        auto client = listener->accept();
        if (!client) return server_process::stopped(client.error());
        ramie::spawn(serve, std::move(*client), std::ref(with)).detach();
    }
}

}  // namespace

int main(int argc, char** argv) {
    auto const [upstream, deadline, port] = arguments(
        argc, argv, {{"UPSTREAM_PORT", 1, 65535, {}}, {"DEADLINE_MS", 1, 3'600'000, 200}, {"PORT", 0, 65535, 0}});
    settings const with{ramie::endpoint::loopback_v4(static_cast<std::uint16_t>(upstream)),
                        std::chrono::milliseconds(deadline)};
    return ramie::run([&] { return run_server(static_cast<std::uint16_t>(port), with); });
}
