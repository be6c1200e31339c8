// copy and copy_bidirectional: every byte, both ends, the first error, and the counts.
#include "scripted_stream.hpp"
#include "sockets.hpp"

#include <ramie/buffered_reader.hpp>
#include <ramie/buffered_writer.hpp>
#include <ramie/copy.hpp>
#include <ramie/spawn.hpp>

#include <memory>

using namespace ramie::testing;
using ramie::copy;
using ramie::copy_bidirectional;
using ramie::stream_of_two;
using ramie::tcp_stream;

namespace {

// client -- [a  proxy  b] -- server
struct proxied {
    connected_pair front = connect_pair(), back = connect_pair();
    tcp_stream& client = front.there;
    tcp_stream& a = front.here;
    tcp_stream& b = back.here;
    tcp_stream& server = back.there;
};

void reset(tcp_stream& s) {
    linger const at_once{1, 0};
    REQUIRE(::setsockopt(s.native_handle(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once) == 0);
    s.close();
}

std::string random_text(std::size_t size) {
    std::string text(size, '\0');
    for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>(i * 31 / 7 + i / 251);
    return text;
}

}  // namespace

TEST_CASE("copy: all of it, in whatever pieces it comes and goes") {
    scripted_source from{{"abc", "d", "efgh"}};
    scripted_sink to{.most = 2};
    CHECK(copy(from, to).value() == 8);
    CHECK(to.text == "abcdefgh");
}

TEST_CASE("copy: flushes a buffered writer at the end") {
    scripted_sink sink;
    CHECK(copy(scripted_source{{"abc"}}, ramie::buffered_writer(sink)).value() == 3);
    CHECK(sink.text == "abc");
}

TEST_CASE("copy: takes out of a buffered reader only what was written") {
    ramie::buffered_reader from(scripted_source{{"abcdef"}});
    scripted_sink to{.most = 4};
    struct failing_later {
        scripted_sink& sink;
        std::expected<std::size_t, std::error_code> write(std::span<std::byte const> bytes) {
            if (sink.writes == 1) sink.error = std::make_error_code(std::errc::broken_pipe);
            return sink.write(bytes);
        }
    };
    auto const end = copy(from, failing_later{to});
    CHECK(error_in(end).code == std::errc::broken_pipe);
    CHECK(error_in(end).done == 4);
    CHECK(text_of(from.buffer()) == "ef");
    to.error = {};
    CHECK(copy(from, to).value() == 2);
    CHECK(to.text == "abcdef");
}

TEST_CASE("copy: the errors of both sides, and how far it came") {
    auto const reset = std::make_error_code(std::errc::connection_reset);
    scripted_sink to;
    auto const end = copy(scripted_source{{"abc"}, reset}, to);
    CHECK(error_in(end).code == reset);
    CHECK(error_in(end).done == 3);
    to.error = std::make_error_code(std::errc::broken_pipe);
    CHECK(error_in(copy(scripted_source{{"abc"}}, to)).code == std::errc::broken_pipe);
}

TEST_CASE("copy: a timeout or an abort says how far it came, and goes on from a buffered reader") {
    on_each_runtime([] {
        proxied p;
        ramie::buffered_reader from(p.a);
        std::size_t done = 0;
        CHECK(p.client.write_all("one ").has_value());
        CHECK(!ramie::timeout(3ms, [&] { return copy(from, p.b, done); }).has_value());
        CHECK(done == 4);
        CHECK(p.client.write_all("two").has_value());
        auto waiting = ramie::spawn([&] { return copy(from, p.b, done).has_value(); });
        std::string got(7, '\0');
        CHECK(soon([&] { return p.server.read_exactly(got); }).has_value());
        CHECK(waiting.abort_and_join().error().is_cancelled());
        CHECK(got == "one two");
        CHECK(done == 3);
    });
}

TEST_CASE("copy: an abort while the sink is full takes no byte out of a buffered reader that was not written") {
    on_each_runtime([] {
        auto pair = connect_pair();
        auto const text = random_text(24 * 1024 * 1024);
        ramie::buffered_reader from(scripted_source{{text}}, text.size());
        CHECK(from.fill_buf().has_value());
        std::size_t done = 0;
        auto waiting = ramie::spawn([&] { return copy(from, pair.here, done).has_value(); });
        let_others_park();
        CHECK(waiting.abort_and_join().error().is_cancelled());
        CHECK(done + from.buffer().size() == text.size());
        auto rest = ramie::spawn([&] {
            CHECK(copy(from, pair.here).has_value());
            CHECK(pair.here.shutdown_write().has_value());
        });
        CHECK(soon([&] { return all_text_from(pair.there); }) == text);
        CHECK(rest.join().has_value());
    });
}

TEST_CASE("copy_bidirectional: both ways at once; each end is passed on and the other way goes on") {
    on_each_runtime([] {
        proxied p;
        auto proxy = ramie::spawn([&] { return copy_bidirectional(p.a, p.b); });
        CHECK(p.client.write_all("question").has_value());
        CHECK(p.client.shutdown_write().has_value());
        CHECK(soon([&] { return all_text_from(p.server); }) == "question");
        CHECK(!proxy.is_finished());
        CHECK(p.server.write_all("a longer answer").has_value());
        CHECK(p.server.shutdown_write().has_value());
        CHECK(soon([&] { return all_text_from(p.client); }) == "a longer answer");
        CHECK(soon([&] { return proxy.get(); }).value() == ramie::copied_bytes{8, 15});
    });
}

TEST_CASE("copy_bidirectional: much more than the buffers hold, both ways") {
    on_each_runtime([] {
        proxied p;
        auto const up = random_text(3'000'000), down = random_text(2'000'001);
        auto proxy = ramie::spawn([&] { return copy_bidirectional(p.a, p.b); });
        auto const send = [](tcp_stream& s, std::string const& text) {
            CHECK(s.write_all(text).has_value());
            CHECK(s.shutdown_write().has_value());
        };
        auto up_sender = ramie::spawn([&] { send(p.client, up); });
        auto down_sender = ramie::spawn([&] { send(p.server, down); });
        auto at_server = ramie::spawn([&] { return all_text_from(p.server); });
        CHECK(soon([&] { return all_text_from(p.client); }) == down);
        CHECK(soon([&] { return at_server.get(); }) == up);
        CHECK(proxy.get().value() == ramie::copied_bytes{up.size(), down.size()});
        up_sender.get();
        down_sender.get();
    });
}

TEST_CASE("copy_bidirectional: a reset ends both ways and says on which side it was") {
    on_each_runtime([] {
        for (bool const client_resets : {true, false}) {
            proxied p;
            ramie::copied_bytes done;
            auto proxy = ramie::spawn([&] { return copy_bidirectional(p.a, p.b, done); });
            CHECK(p.client.write_all("hello").has_value());
            CHECK(soon([&] { return text_from(p.server); }) == "hello");
            reset(client_resets ? p.client : p.server);
            auto const end = soon([&] { return proxy.get(); });
            REQUIRE(!end.has_value());
            CHECK(end.error().code == std::errc::connection_reset);
            CHECK(end.error().where == (client_resets ? stream_of_two::a : stream_of_two::b));
            CHECK(end.error().done == ramie::copied_bytes{5, 0});
            CHECK(done == end.error().done);
            CHECK(p.a.native_handle() >= 0);  // the caller closes
        }
    });
}

TEST_CASE("copy_bidirectional: a timeout, an abort or a close ends both ways and leaves no task behind") {
    on_each_runtime([] {
        proxied p;
        ramie::copied_bytes done;
        auto const relay = [&] { return copy_bidirectional(p.a, p.b, done); };
        CHECK(p.client.write_all("abc").has_value());
        auto passed_on = done;
        while (passed_on.a_to_b == 0) {
            CHECK(!ramie::timeout(3ms, relay).has_value());
            passed_on = done;
        }
        CHECK(passed_on.a_to_b == 3);
        auto waiting = ramie::spawn(relay);
        let_others_park();
        CHECK(waiting.abort_and_join().error().is_cancelled());
        // Both streams are as they were.
        auto again = ramie::spawn(relay);
        CHECK(p.server.write_all("xyz").has_value());
        CHECK(soon([&] { return text_from(p.client); }) == "xyz");
        p.b.close();
        auto const end = soon([&] { return again.get(); });
        REQUIRE(!end.has_value());
        // It was waiting in a read of b, or about to begin one.
        bool const told_so = end.error().code == std::errc::operation_canceled ||
                             end.error().code == std::errc::bad_file_descriptor;
        CHECK(told_so);
        CHECK(end.error().where == stream_of_two::b);
    });
}

TEST_CASE("copy_bidirectional: many at once") {
    on_each_runtime([] {
        constexpr int count = 100;
        std::vector<std::unique_ptr<proxied>> all;
        std::vector<ramie::join_handle<bool>> proxies;
        for (int i = 0; i < count; ++i) {
            auto& p = *all.emplace_back(std::make_unique<proxied>());
            proxies.push_back(ramie::spawn([&p] { return copy_bidirectional(p.a, p.b).has_value(); }));
        }
        for (int i = 0; i < count; ++i) {
            auto& client = all[static_cast<std::size_t>(i)]->client;
            CHECK(client.write_all(std::to_string(i)).has_value());
        }
        for (auto& p : all) CHECK(p->client.shutdown_write().has_value());
        for (int i = 0; i < count; ++i) {
            auto& p = *all[static_cast<std::size_t>(i)];
            CHECK(soon([&] { return all_text_from(p.server); }) == std::to_string(i));
            CHECK(p.server.shutdown_write().has_value());
        }
        for (auto& each : proxies) CHECK(soon([&] { return each.get(); }));
    });
}
