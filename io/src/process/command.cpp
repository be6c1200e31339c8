#include <ramie/command.hpp>

#include "call/operation.hpp"
#include "libc/libc_calls.hpp"
#include "process/child_process.hpp"
#include "process/orphanage.hpp"
#include "process/pipe_call.hpp"
#include "process/start_process.hpp"
#include "ready/interest_set.hpp"

#include <ramie/buffered_reader.hpp>
#include <ramie/join.hpp>
#include <ramie/detail/ground/config.hpp>
#include <ramie/detail/machine/above_standard.hpp>

#include <algorithm>
#include <cerrno>
#include <exception>
#include <stdexcept>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace ramie {

using namespace detail;

namespace {

// Not inlined: gcc 12 without link-time optimisation would take a local string's characters for uninitialised.
[[gnu::noinline]] void refuse_null(std::string_view text, char const* what) {
    if (text.contains('\0'))
        throw std::invalid_argument(std::string("ramie: command: ") + what + " has a null character in it");
}

std::string checked(std::string text, char const* what) {
    refuse_null(text, what);
    return text;
}

std::string checked_name(std::string name) {
    if (name.empty() || name.find('=') != name.npos)
        throw std::invalid_argument("ramie: command: \"" + name + "\" is no name of an environment variable");
    return checked(std::move(name), "the name of an environment variable");
}

// The error that errno holds.
RAMIE_NOIPA std::error_code last_error() noexcept {
    return {errno, std::system_category()};
}

// Makes a pipe to the child: returns our end, and puts the other end into `childs`; that one blocks, as programs
// expect. (Not make_pipe()'s ends: a child may set its end to packet mode.)
template <class Ours>
std::expected<Ours, std::error_code> pipe_to_child(unique_fd& childs) {
    int ends[2];
    if (auto const answer = pipe_call::make(ends, 0); answer < 0) return std::unexpected(error_of(answer));
    unique_fd read_from(ends[0]), written_to(ends[1]);
    constexpr bool child_reads = std::is_same_v<Ours, child_stdin>;
    childs = std::move(child_reads ? read_from : written_to);
    return Ours::adopt(std::move(child_reads ? written_to : read_from));
}

}  // namespace

command::command(std::string program) {
    arg(std::move(program));
}

command& command::arg(std::string value) {
    arguments_.push_back(checked(std::move(value), "an argument"));
    return *this;
}
command& command::args(std::initializer_list<std::string> values) {
    for (auto const& each : values) arg(each);
    return *this;
}
command& command::args(std::vector<std::string> values) {
    for (auto& each : values) arg(std::move(each));
    return *this;
}
void command::change(std::string name, std::optional<std::string> value) {
    std::erase_if(changes_, [&](auto const& before) { return before.first == name; });
    changes_.emplace_back(std::move(name), std::move(value));
}
command& command::env(std::string name, std::string value) {
    change(checked_name(std::move(name)), checked(std::move(value), "the value of a variable"));
    return *this;
}
command& command::env_remove(std::string name) {
    change(checked_name(std::move(name)), std::nullopt);
    return *this;
}
command& command::env_clear() {
    clear_ = true;
    changes_.clear();
    return *this;
}
command& command::current_dir(std::string path) {
    directory_ = checked(std::move(path), "the directory");
    return *this;
}
command& command::in(stdio s) {
    in_ = s;
    return *this;
}
command& command::out(stdio s) {
    out_ = s;
    return *this;
}
command& command::err(stdio s) {
    err_ = s;
    return *this;
}
command& command::pass(int fd) {
    if (fd < 0) throw std::invalid_argument("ramie: command: pass: a descriptor is 0 or more");
    passed_.push_back(fd);
    return *this;
}
command& command::kill_on_drop(bool on) {
    kill_on_drop_ = on;
    return *this;
}
command& command::own_process_group(bool on) {
    own_group_ = on;
    return *this;
}
command& command::output_limit(std::size_t bytes) {
    output_limit_ = bytes;
    return *this;
}

std::vector<std::string> command::environment() const {
    std::vector<std::string> all;
    for (auto** each = clear_ ? nullptr : ::environ; each != nullptr && *each != nullptr; ++each) {
        std::string_view const entry = *each;
        auto const name = entry.substr(0, entry.find('='));
        if (std::ranges::none_of(changes_, [&](auto const& change) { return change.first == name; })) all.emplace_back(entry);
    }
    for (auto const& [name, value] : changes_) {
        if (value) all.push_back(name + '=' + *value);
    }
    return all;
}

namespace {

// A child that cannot be watched, for an error or for lack of memory, is killed and reaped at once.
struct kill_unless_watched {
    explicit kill_unless_watched(pid_t p) noexcept : pid(p) {}
    kill_unless_watched(kill_unless_watched const&) = delete;
    kill_unless_watched& operator=(kill_unless_watched const&) = delete;
    ~kill_unless_watched() {
        if (pid < 0) return;
        ::kill(pid, SIGKILL);
        while (libc().wait4(pid, nullptr, 0, nullptr) < 0 && errno == EINTR) {}
    }
    pid_t pid;  // -1: it is watched, or gone
};

}  // namespace

std::expected<child, std::error_code> command::spawn_with(stdio in, stdio out, stdio err) const {
    auto& watch = interest_set::current("command::spawn");
    std::shared_ptr<orphanage> later;
    auto place = orphanage::make_place();
    try {
        later = orphanage::of_process();
    } catch (std::system_error const& e) { return std::unexpected(e.code()); }
    later->look_after_them();

    std::optional<child_stdin> to_in;
    std::optional<child_stdout> from_out, from_err;
    std::vector<unique_fd> childs;  // closed here once the child has them
    process_start how{.arguments = arguments_, .environment = environment()};
    auto const give = [&]<class Ours>(stdio what, std::optional<Ours>& ours) -> std::error_code {
        unique_fd opened;
        if (what.kind_ == stdio::kind::piped) {
            auto made = pipe_to_child<Ours>(opened);
            if (!made) return made.error();
            ours = std::move(*made);
        } else if (what.kind_ == stdio::kind::null) {
            opened = unique_fd(above_standard(::open("/dev/null", O_RDWR | O_CLOEXEC)));
            if (!opened) return last_error();
        }
        how.descriptors.push_back(what.kind_ == stdio::kind::descriptor ? what.fd_ : opened.get());
        childs.push_back(std::move(opened));
        return {};
    };
    if (auto const why = give(in, to_in)) return std::unexpected(why);
    if (auto const why = give(out, from_out)) return std::unexpected(why);
    if (auto const why = give(err, from_err)) return std::unexpected(why);
    how.descriptors.insert(how.descriptors.end(), passed_.begin(), passed_.end());
    how.directory = directory_ ? directory_->c_str() : nullptr;
    how.own_group = own_group_;
    auto const pid = start_process(how);
    if (!pid) return std::unexpected(pid.error());

    kill_unless_watched unwatched{*pid};
    std::unique_ptr<child_process> process;
    unique_fd pidfd(open_pidfd(*pid));
    if (pidfd.get() == -ESRCH) {  // it has ended already, and SIGCHLD is ignored, so the system has reaped it
        unwatched.pid = -1;
        process = std::make_unique<child_process>(*pid, std::make_error_code(std::errc::no_child_process));
    } else {
        owned_descriptor watched;
        if (pidfd.get() >= 0) {
            auto added = watch.add(std::move(pidfd));
            if (!added) return std::unexpected(added.error());
            watched = std::move(*added);
        } else if (pidfd.get() != -ENOSYS && pidfd.get() != -EPERM) {
            return std::unexpected(error_of(pidfd.get()));
        }
        process = std::make_unique<child_process>(*pid, std::move(watched), std::move(later), std::move(place), kill_on_drop_);
        unwatched.pid = -1;
    }
    child made(std::move(process));
    made.in = std::move(to_in);
    made.out = std::move(from_out);
    made.err = std::move(from_err);
    return made;
}

std::expected<child, std::error_code> command::spawn() const {
    return spawn_with(in_.value_or(stdio::inherit()), out_.value_or(stdio::inherit()), err_.value_or(stdio::inherit()));
}

namespace {

// The result of f(started), which alone knows the child. If f fails, no other code will wait for the child or read its
// output: so it is killed. (If the caller gives up, by an abort or a timeout, kill_on_drop decides instead.)
template <class F>
auto see_through(child started, F&& f) -> decltype(f(started)) {
    try {
        auto result = f(started);
        if (!result) (void)started.kill();
        return result;
    } catch (std::exception const&) {
        (void)started.kill();
        throw;
    }
}

}  // namespace

std::expected<exit_status, std::error_code> command::status() const {
    (void)waiter::enter();
    auto started = spawn();
    if (!started) return std::unexpected(started.error());
    started->out.reset();  // a caller that asks only for the status wants no pipe
    started->err.reset();
    return see_through(std::move(*started), [](child& c) { return c.wait(); });
}

std::expected<command_output, std::error_code> command::output() const {
    (void)waiter::enter();
    auto const piped = stdio::piped();
    auto started = spawn_with(in_.value_or(stdio::null()), out_.value_or(piped), err_.value_or(piped));
    if (!started) return std::unexpected(started.error());
    using text = std::expected<std::string, std::error_code>;
    auto const all_of = [limit = output_limit_](std::optional<child_stdout>& from) -> text {
        std::string all;
        if (!from) return all;
        auto const read = buffered_reader(*from, 16 * 1024).read_to_end(all, limit);
        if (!read) return std::unexpected(read.error().code);
        return all;
    };
    // The first failure ends the other reading too: a child whose output is not read any more may never end.
    auto const both_of = [&](child& c) -> std::expected<std::tuple<std::string, std::string>, std::error_code> {
        if (c.out && c.err) return try_join([&] { return all_of(c.out); }, [&] { return all_of(c.err); });
        auto out = all_of(c.out);
        if (!out) return std::unexpected(out.error());
        auto err = all_of(c.err);
        if (!err) return std::unexpected(err.error());
        return std::tuple(std::move(*out), std::move(*err));
    };
    return see_through(std::move(*started), [&](child& c) -> std::expected<command_output, std::error_code> {
        c.in.reset();
        auto texts = both_of(c);
        if (!texts) return std::unexpected(texts.error());
        auto const status = c.wait();
        if (!status) return std::unexpected(status.error());
        auto& [out, err] = *texts;
        return command_output{*status, std::move(out), std::move(err)};
    });
}

}  // namespace ramie
