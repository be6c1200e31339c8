// Peers that behave as no program and no tls_stream does: OpenSSL itself, step by step, over a wire in memory.
#include "peers.hpp"

#include <ramie/notify.hpp>
#include <ramie/this_fiber.hpp>

#include <openssl/ssl.h>

#include <algorithm>
#include <memory>
#include <string>

using namespace ramie::testing;
using ramie::tls_stream;

namespace {

struct wire {
    std::string to_us, to_peer;
    ramie::notify news;
    bool peer_listens = true;
    bool we_wait_to_be_heard = false;
};

class our_end {
  public:
    explicit our_end(wire& over) : over_(&over) {}
    std::expected<std::size_t, std::error_code> read(std::span<std::byte> into) {
        while (over_->to_us.empty()) over_->news.wait();
        auto const count = std::min({into.size(), over_->to_us.size(), std::size_t{1000}});
        std::ranges::copy(std::as_bytes(std::span(over_->to_us).first(count)), into.begin());
        over_->to_us.erase(0, count);
        return count;
    }
    std::expected<std::size_t, std::error_code> write(std::span<std::byte const> from) {
        struct mark {
            bool& now;
            explicit mark(bool& b) : now(b) { now = true; }
            ~mark() { now = false; }
        } const waiting(over_->we_wait_to_be_heard);
        while (!over_->peer_listens) over_->news.wait();
        over_->to_peer.append(reinterpret_cast<char const*>(from.data()), from.size());
        return from.size();
    }
    void close() noexcept {}

  private:
    wire* over_;
};

class openssl_peer {
  public:
    // A client that accepts every server, or a server with the test authority's certificate; TLS 1.2 at most.
    openssl_peer(wire& over, bool is_server)
        : over_(over), context_(::SSL_CTX_new(is_server ? ::TLS_server_method() : ::TLS_client_method())) {
        if (is_server) {
            ::SSL_CTX_set_max_proto_version(context_.get(), TLS1_2_VERSION);
            use_identity();
        }
        ssl_.reset(::SSL_new(context_.get()));
        take_role(is_server);
    }
    // Later connections of a server share the sessions of the first.
    openssl_peer(wire& over, openssl_peer& first) : over_(over), context_(first.context_.get()) {
        ::SSL_CTX_up_ref(context_.get());
        ssl_.reset(::SSL_new(context_.get()));
        take_role(true);
    }

    // One step of the handshake, if one is due, and its bytes over the wire.
    void go_on() {
        ::BIO_write(::SSL_get_rbio(ssl_.get()), over_.to_peer.data(), static_cast<int>(over_.to_peer.size()));
        over_.to_peer.clear();
        (void)::SSL_do_handshake(ssl_.get());
        char* at = nullptr;
        auto const size = BIO_get_mem_data(::SSL_get_wbio(ssl_.get()), &at);
        over_.to_us.append(at, static_cast<std::size_t>(size));
        (void)BIO_reset(::SSL_get_wbio(ssl_.get()));
        over_.news.notify_one();
    }
    void ask_for_new_keys() {
        REQUIRE(::SSL_key_update(ssl_.get(), SSL_KEY_UPDATE_REQUESTED) == 1);
        go_on();
    }
    void say(std::string_view text) {
        REQUIRE(::SSL_write(ssl_.get(), text.data(), static_cast<int>(text.size())) == std::ssize(text));
        go_on();
    }

  private:
    void use_identity() {
        auto const certificate_text = server_identity().certificate(), key_text = server_identity().key();
        auto const from = [](std::string const& text) {
            return std::unique_ptr<BIO, openssl::freed_by<&::BIO_free>>(
                ::BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
        };
        openssl::certificate const certificate(
            ::PEM_read_bio_X509(from(certificate_text).get(), nullptr, nullptr, nullptr));
        openssl::key const key(::PEM_read_bio_PrivateKey(from(key_text).get(), nullptr, nullptr, nullptr));
        REQUIRE(::SSL_CTX_use_certificate(context_.get(), certificate.get()) == 1);
        REQUIRE(::SSL_CTX_use_PrivateKey(context_.get(), key.get()) == 1);
    }
    void take_role(bool is_server) {
        ::SSL_set_bio(ssl_.get(), ::BIO_new(::BIO_s_mem()), ::BIO_new(::BIO_s_mem()));
        if (is_server)
            ::SSL_set_accept_state(ssl_.get());
        else
            ::SSL_set_connect_state(ssl_.get());
    }

    wire& over_;
    std::unique_ptr<SSL_CTX, openssl::freed_by<&::SSL_CTX_free>> context_;
    std::unique_ptr<SSL, openssl::freed_by<&::SSL_free>> ssl_;
};

std::error_code shake_hands(tls_stream& ours, openssl_peer& theirs) {
    auto shaking = ramie::spawn([&] { return error_in(ours.handshake()); });
    while (!shaking.is_finished()) {
        theirs.go_on();
        ramie::this_fiber::sleep_for(100us);
    }
    return shaking.get();
}

}  // namespace

TEST_CASE("tls odd peers: one that asks for new keys and never listens is not listened to for ever") {
    // One worker, and more stack than OpenSSL needs: when we run again, a reader that can go on has gone on.
    ramie::run({.workers = 1, .stack_size = 256 << 10}, [] {
        wire w;
        auto server = tls_stream::server(our_end(w), server_config()).value();
        openssl_peer client(w, false);
        REQUIRE(!shake_hands(server, client));
        client.go_on();

        w.peer_listens = false;
        for (int i = 0; i < 10'000; ++i) client.ask_for_new_keys();  // each is answered by 27 bytes
        client.say("hello");
        auto reader = ramie::spawn([&] { return text_from(server); });
        for (int waiting = 0; waiting < 100 && !reader.is_finished();) {
            ramie::this_fiber::sleep_for(10us);
            waiting = w.we_wait_to_be_heard ? waiting + 1 : 0;
        }
        CHECK_FALSE(reader.is_finished());
        CHECK(w.to_us.size() > 100'000);  // it is left unread

        w.peer_listens = true;
        w.news.notify_one();
        CHECK(soon([&] { return reader.get(); }) == "hello");
    });
}

TEST_CASE("tls odd peers: a session whose next handshake fails is not offered again") {
    ramie::run({.workers = 1, .stack_size = 256 << 10}, [] {
        auto const config = ramie::tls_client_config::make(trusting_options()).value();
        wire first_wire;
        openssl_peer first(first_wire, true);
        auto const resumes = [&] {
            wire w;
            auto client = tls_stream::client(our_end(w), "localhost", config).value();
            openssl_peer server(w, first);
            REQUIRE(!shake_hands(client, server));
            return client.resumed();
        };
        CHECK_FALSE(resumes());
        CHECK(resumes());
        CHECK(resumes());
        {
            wire w;
            w.to_us = "HTTP/1.0 400 Bad Request\r\n\r\n";
            auto client = tls_stream::client(our_end(w), "localhost", config).value();
            CHECK(error_in(soon([&] { return client.handshake(); })));
        }
        CHECK_FALSE(resumes());
        CHECK(resumes());
    });
}
