#include <ramie/pipe.hpp>

#include "call/sigpipe.hpp"
#include "call/socket_call.hpp"
#include "call/transfer.hpp"
#include "process/pipe_call.hpp"
#include "ready/interest_set.hpp"
#include "stream/iovec_list.hpp"

#include <ramie/this_fiber.hpp>

#include <algorithm>
#include <chrono>

#include <fcntl.h>

namespace ramie {

using namespace detail;

namespace {

// The outcome on a plain pipe: less than asked for means that there is no more, or no more room.
attempt of(long answer, std::size_t asked, bool plain) noexcept {
    return {answer, plain && answer > 0 && static_cast<std::size_t>(answer) < asked};
}

// Why fd is not a pipe or FIFO; no error if it is one.
std::error_code misfit(int fd) noexcept {
    auto const answer = pipe_call::is_pipe(fd);
    if (answer < 0) return error_of(answer);
    return answer == 1 ? std::error_code() : std::make_error_code(std::errc::invalid_argument);
}

std::expected<owned_descriptor, std::error_code> adopt_pipe(unique_fd fd, interest_set& watch) {
    if (auto const why = misfit(fd.get())) return std::unexpected(why);
    if (auto const answer = socket_call::make_non_blocking(fd.get()); answer < 0)
        return std::unexpected(error_of(answer));
    return watch.add(std::move(fd));
}

}  // namespace

std::expected<pipe_ends, std::error_code> make_pipe(pipe_options const& options) {
    auto& watch = interest_set::current("make_pipe");
    int ends[2];
    if (auto const answer = pipe_call::make(ends, O_NONBLOCK); answer < 0) return std::unexpected(error_of(answer));
    unique_fd from(ends[0]), to(ends[1]);
    if (options.capacity != 0) {
        if (auto const answer = pipe_call::set_capacity(to.get(), options.capacity); answer < 0)
            return std::unexpected(error_of(answer));
    }
    auto reader = watch.add(std::move(from));
    if (!reader) return std::unexpected(reader.error());
    auto writer = watch.add(std::move(to));
    if (!writer) return std::unexpected(writer.error());
    return pipe_ends{pipe_reader(std::move(*reader), true), pipe_writer(std::move(*writer), true)};
}

std::expected<pipe_reader, std::error_code> pipe_reader::open(std::string const& fifo) {
    auto& watch = interest_set::current("pipe_reader::open");
    unique_fd fd(pipe_call::open(fifo.c_str(), O_RDONLY));
    if (!fd) return std::unexpected(error_of(fd.get()));
    if (auto const why = misfit(fd.get())) return std::unexpected(why);
    // Before the first writer has come, a read would report the end of the stream. The system reports nothing then,
    // either.
    auto added = watch.add(std::move(fd), false);
    if (!added) return std::unexpected(added.error());
    return pipe_reader(std::move(*added), false);
}

std::expected<pipe_reader, std::error_code> pipe_reader::adopt(unique_fd fd) {
    auto added = adopt_pipe(std::move(fd), interest_set::current("pipe_reader::adopt"));
    if (!added) return std::unexpected(added.error());
    return pipe_reader(std::move(*added), false);
}

std::expected<std::size_t, std::error_code> pipe_reader::read_some(std::span<std::byte> into) {
    std::span<std::byte> const one[] = {into};
    return read_some(one);
}

std::expected<std::size_t, std::error_code> pipe_reader::read_some(std::span<std::span<std::byte> const> into) {
    iovec_list list(into);
    if (list.total() == 0) return transfer_nothing(descriptor_, "read");
    return transfer(descriptor_, direction::read, "read", [&](int fd) {
        return of(pipe_call::read(fd, list.data(), list.count()), list.total(), plain_);
    });
}

std::expected<pipe_writer, std::error_code> pipe_writer::open(std::string const& fifo) {
    using namespace std::chrono_literals;
    auto& watch = interest_set::current("pipe_writer::open");
    (void)detail::waiter::enter();
    for (auto pause = 1ms;; pause = std::min(pause * 2, 50ms)) {
        unique_fd fd(pipe_call::open(fifo.c_str(), O_WRONLY));
        if (fd) {
            if (auto const why = misfit(fd.get())) return std::unexpected(why);
            auto added = watch.add(std::move(fd));
            if (!added) return std::unexpected(added.error());
            return pipe_writer(std::move(*added), false);
        }
        if (fd.get() != -ENXIO) return std::unexpected(error_of(fd.get()));  // ENXIO: no reader yet
        this_fiber::sleep_for(pause);
    }
}

std::expected<pipe_writer, std::error_code> pipe_writer::adopt(unique_fd fd) {
    auto added = adopt_pipe(std::move(fd), interest_set::current("pipe_writer::adopt"));
    if (!added) return std::unexpected(added.error());
    return pipe_writer(std::move(*added), false);
}

std::expected<std::size_t, std::error_code> pipe_writer::write_some(std::span<std::byte const> from) {
    std::span<std::byte const> const one[] = {from};
    return write_some(one);
}

std::expected<std::size_t, std::error_code> pipe_writer::write_some(std::span<std::span<std::byte const> const> from) {
    iovec_list list(from);
    if (list.total() == 0) return transfer_nothing(descriptor_, "write");
    return transfer(descriptor_, direction::write, "write", [&](int fd) {
        return of(without_sigpipe::write(fd, list.data(), list.count()), list.total(), plain_);
    });
}

}  // namespace ramie
