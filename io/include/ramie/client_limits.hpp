// What a server allows its clients: how many there may be at once, and how long they may take. Without limits, a few
// clients that open many connections and send nothing can use up a server.
//
//     ramie::client_gate gate({.connections = 1000, .idle = 30s});
//     for (;;) {
//         auto client = listener.accept();
//         if (auto admitted = gate.admit(std::move(*client))) spawn(serve, std::move(*admitted)).detach();
//     }                                                      // a client that is not admitted is closed
//
// A server that answers requests says where each request begins and ends:
//
//     client.request_begins();       // its first byte is here; may be said more than once
//     client.header_is_complete();
//     client.request_is_over();      // the answer is sent
#pragma once

#include <ramie/detail/ground/least_most.hpp>
#include <ramie/detail/stream/exact_reading.hpp>
#include <ramie/detail/stream/whole_writing.hpp>
#include <ramie/detail/task/after.hpp>
#include <ramie/stream_concepts.hpp>
#include <ramie/timeout.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace ramie {

// Times of 0: no limit.
struct client_limits {
    std::size_t connections = 10'000;  // more are refused
    // No byte in either direction for this long: a waiting read or write then fails. (While one direction moves, the
    // other may wait.)
    std::chrono::nanoseconds idle = std::chrono::minutes(1);
    std::chrono::nanoseconds header{0};   // from a request's first byte until its header is complete
    std::chrono::nanoseconds request{0};  // from a request's first byte until it is answered
};

namespace detail {

// Shared by all clients of one gate.
struct client_counts {
    explicit client_counts(client_limits l) : limits(l) {}
    client_limits const limits;
    std::atomic<std::size_t> open{0};
    std::atomic<std::size_t> refused{0};
};

// One of the gate's places; free again when this object goes.
class client_place {
  public:
    explicit client_place(std::shared_ptr<client_counts> of) noexcept : of_(std::move(of)) {}
    client_place(client_place&&) noexcept = default;
    client_place& operator=(client_place other) noexcept {
        std::swap(of_, other.of_);
        return *this;
    }
    ~client_place() {
        if (of_ != nullptr) of_->open.fetch_sub(1, std::memory_order_relaxed);
    }
    client_limits const& limits() const noexcept { return of_->limits; }

  private:
    std::shared_ptr<client_counts> of_;
};

// The time at which a limit is reached; shared by two fibers.
class shared_moment {
  public:
    shared_moment() = default;
    shared_moment(shared_moment&& other) noexcept : at_(other.get()) {}
    shared_moment& operator=(shared_moment&& other) noexcept {
        set(other.get());
        return *this;
    }
    // Relaxed: it orders no other data.
    time_point get() const noexcept { return at_.load(std::memory_order_relaxed); }
    void set(time_point t) noexcept { at_.store(t, std::memory_order_relaxed); }

  private:
    std::atomic<time_point> at_{never};
};

}  // namespace detail

// A client's stream, with the gate's limits. Move-only; destroying it closes the stream and frees its place. One fiber
// or thread at a time; or two, if one only reads, the other only writes, and there are no requests.
//
// A call that takes too long fails with errc::timed_out, and leaves the stream as a timeout does. All else is as in
// Stream.
template <class Stream>
class limited_stream : public detail::exact_reading<limited_stream<Stream>>,
                       public detail::whole_writing<limited_stream<Stream>> {
  public:
    // Suspension points.
    std::expected<std::size_t, std::error_code> read(std::span<std::byte> into) {
        return in_time([&] { return stream_.read(into); });
    }
    std::expected<std::size_t, std::error_code> read(std::span<char> into) {
        return read(std::as_writable_bytes(into));
    }
    std::expected<std::size_t, std::error_code> write(std::span<std::byte const> from) {
        return in_time([&] { return stream_.write(from); });
    }
    std::expected<std::size_t, std::error_code> write(std::string_view from) { return write(detail::bytes_of(from)); }
    auto shutdown_write() requires half_closable_stream<Stream> { return stream_.shutdown_write(); }
    void close() { stream_.close(); }

    void request_begins() noexcept {
        if (std::exchange(in_request_, true)) return;
        header_until_ = until(place_.limits().header);
        request_until_ = until(place_.limits().request);
    }
    void header_is_complete() noexcept { header_until_ = detail::never; }
    void request_is_over() noexcept {
        in_request_ = false;
        header_until_ = request_until_ = detail::never;
    }

    // The stream itself, for its other calls; waits in those have no limits.
    Stream& stream() noexcept { return stream_; }

  private:
    friend class client_gate;
    using result = std::expected<std::size_t, std::error_code>;

    limited_stream(Stream s, detail::client_place p) : place_(std::move(p)), stream_(std::move(s)) {}

    static detail::time_point until(std::chrono::nanoseconds limit) {
        return limit.count() == 0 ? detail::never : detail::roughly_after(limit);
    }
    detail::time_point due() const noexcept { return detail::least(idle_until_.get(), header_until_, request_until_); }
    template <class Call>
    std::expected<std::size_t, std::error_code> in_time(Call&& call) {
        idle_until_.set(until(place_.limits().idle));
        for (auto by = due();;) {
            // A deadline of this object. A time limit inside the call itself stays the call's own error.
            auto const done = by == detail::never ? std::expected<result, timed_out>(call()) : timeout_at(by, call);
            if (done) {
                idle_until_.set(until(place_.limits().idle));
                return *done;
            }
            if (due() == by) return std::unexpected(std::make_error_code(std::errc::timed_out));
            by = due();  // the other direction has moved meanwhile
        }
    }

    detail::client_place place_;  // freed after the stream is closed
    Stream stream_;
    detail::shared_moment idle_until_;
    bool in_request_ = false;
    detail::time_point header_until_ = detail::never;
    detail::time_point request_until_ = detail::never;
};

// Admits clients. From any fiber or thread; need not outlive the streams.
class client_gate {
  public:
    // std::invalid_argument: no connections, or a negative time.
    explicit client_gate(client_limits const& limits = {})
        : counts_(std::make_shared<detail::client_counts>(checked(limits))) {}

    // The stream with its limits. None: there is no place for it, and the stream is closed. Does not wait.
    template <class Stream>
    std::optional<limited_stream<Stream>> admit(Stream client) {
        // Relaxed: only the count depends on it.
        if (counts_->open.fetch_add(1, std::memory_order_relaxed) >= counts_->limits.connections) {
            counts_->open.fetch_sub(1, std::memory_order_relaxed);
            counts_->refused.fetch_add(1, std::memory_order_relaxed);
            return std::nullopt;
        }
        return limited_stream<Stream>(std::move(client), detail::client_place(counts_));
    }

    std::size_t open() const noexcept { return counts_->open.load(std::memory_order_relaxed); }
    std::size_t refused() const noexcept { return counts_->refused.load(std::memory_order_relaxed); }

  private:
    static client_limits const& checked(client_limits const& l) {
        if (l.connections == 0)
            throw std::invalid_argument("ramie: client_limits: connections is 0; 1 or more is accepted");
        for (auto const& [name, time] : {std::pair{"idle", l.idle}, {"header", l.header}, {"request", l.request}})
            if (time.count() < 0)
                throw std::invalid_argument(std::string("ramie: client_limits: ") + name +
                                            " is negative; 0 (no limit) or more is accepted");
        return l;
    }

    std::shared_ptr<detail::client_counts> counts_;
};

}  // namespace ramie
