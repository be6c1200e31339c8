// fan_out_coroutines UPSTREAM_PORT [DEADLINE_MS] [PORT]: asks many upstreams at once for each line, with a deadline.
//
// To be read beside fan_out_fibers.cpp. The answer is a line with a word for each question: what the upstream said,
// `late`, or `lost`. Each client has connections of its own to the upstreams; they are kept. And it has a strand, on
// which all that is done for it runs.

#include "arguments.hpp"
#include "awaitable_server.hpp"
#include "questions.hpp"

#include <boost/asio/experimental/parallel_group.hpp>

#include <chrono>
#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace {

struct settings {
    asio::ip::tcp::endpoint upstream;
    std::chrono::milliseconds deadline;
};

// The next line without its end. An error is thrown: the stream has ended or failed, or the line is too long.
awaitable<std::string> next_line(tcp_stream& from, std::string& kept) {
    auto const size = co_await asio::async_read_until(from, asio::dynamic_buffer(kept, fan_out::longest_line), '\n');
    auto line = kept.substr(0, size - 1);
    kept.erase(0, size);
    co_return line;
}

struct connection {
    tcp_stream stream;
    std::string kept = {};
};

// What `link` answers; it connects first if there is no link, and is left without one whenever the answer is not read.
awaitable<std::string> exchange(asio::ip::tcp::endpoint upstream, std::unique_ptr<connection>& link,
                                std::string const& question) {
    auto open = std::move(link);
    if (!open) {
        open = std::make_unique<connection>(tcp_stream(co_await asio::this_coro::executor));
        co_await open->stream.async_connect(upstream);
        open->stream.set_option(asio::ip::tcp::no_delay(true));
    }
    co_await asio::async_write(open->stream, asio::buffer(question + '\n'));
    auto answer = co_await next_line(open->stream, open->kept);
    link = std::move(open);
    co_return answer;
}

awaitable<void> ask(asio::ip::tcp::endpoint upstream, std::unique_ptr<connection>& link, std::string const& question,
                    std::string& answer) {
    try {
        answer = co_await exchange(upstream, link, question);
    } catch (boost::system::system_error const& error) {
        if (error.code() != asio::error::operation_aborted) answer = "lost";
    }
}

awaitable<void> serve(tcp_stream client, settings const& with) {
    auto const here = client.get_executor();
    std::vector<std::unique_ptr<connection>> links(fan_out::most_questions);
    std::string kept;
    for (;;) {
        auto const questions = fan_out::questions_in(co_await next_line(client, kept));
        std::vector<std::string> answers(questions.size(), "late");
        std::vector<decltype(asio::co_spawn(here, ask({}, links[0], questions[0], answers[0]), asio::deferred))> asking;
        for (std::size_t i = 0; i < questions.size(); ++i)
            asking.push_back(
                asio::co_spawn(here, ask(with.upstream, links[i], questions[i], answers[i]), asio::deferred));
        // When the alarm wins, the group is cancelled, and so is every member that is still asking.
        timer alarm(here, with.deadline);
        if (!asking.empty())
            co_await (asio::experimental::make_parallel_group(std::move(asking))
                          .async_wait(asio::experimental::wait_for_all(), awaited()) ||
                      alarm.async_wait(awaited()));
        co_await asio::async_write(client, asio::buffer(fan_out::joined(answers)));
    }
}

int run_server(std::uint16_t port, settings const& with) {
    asio::io_context context(worker_count());
    tcp_listener listener(asio::make_strand(context));
    if (auto const error = listen_on(listener, port)) return server_process::cannot_listen(port, error);
    server_process::stop_on_signal(listener.native_handle());
    server_process::say_ready(listener.local_endpoint().port());
    int status = 0;
    auto const start = [&](tcp_stream client) {
        auto const here = client.get_executor();
        asio::co_spawn(here, serve(std::move(client), with), asio::detached);
    };
    asio::co_spawn(listener.get_executor(), accept_all(listener, start), [&](std::exception_ptr failure, int result) {
        status = failure ? 1 : result;
        context.stop();
    });
    run_on_all_workers(context);
    return status;
}

}  // namespace

int main(int argc, char** argv) {
    auto const [upstream, deadline, port] = arguments(
        argc, argv, {{"UPSTREAM_PORT", 1, 65535, {}}, {"DEADLINE_MS", 1, 3'600'000, 200}, {"PORT", 0, 65535, 0}});
    settings const with{{asio::ip::address_v4::loopback(), static_cast<std::uint16_t>(upstream)},
                        std::chrono::milliseconds(deadline)};
    return run_server(static_cast<std::uint16_t>(port), with);
}
