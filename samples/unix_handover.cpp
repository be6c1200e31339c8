// unix_handover: a server that sees who calls, and hands its callers an open pipe to read from.
#include <ramie/ramie.hpp>

#include <array>
#include <cstdio>
#include <string>

#include <unistd.h>

namespace {

// Between processes it is the same; a path (unix_endpoint::path) would do as well as an abstract name.
ramie::unix_endpoint meeting_point() {
    return ramie::unix_endpoint::abstract("ramie-handover-" + std::to_string(::getpid())).value();
}

void serve(ramie::unix_stream client) {
    auto const who = client.credentials().value();  // as the system knows it; nobody can pretend
    if (who.uid != ::geteuid()) return;
    auto [reader, writer] = ramie::make_pipe().value();
    int const handed_over[] = {reader.native_handle()};
    client.send_fds("here you are", handed_over).value();
    reader.close();  // the caller has a copy
    writer.write_all(who.pid == ::getpid() ? "for a friend in the same process\n" : "for another process\n").value();
}

void call(ramie::unix_endpoint const& server) {
    auto stream = ramie::unix_stream::connect(server).value();
    std::array<char, 100> text;
    auto got = stream.receive_fds(text, 1).value();
    std::printf("%.*s: %zu descriptor\n", static_cast<int>(got.size), text.data(), got.fds.size());
    auto pipe = ramie::pipe_reader::adopt(std::move(got.fds.at(0))).value();
    auto lines = ramie::buffered_reader(std::move(pipe));
    std::string line;
    while (lines.read_line(line).value()) std::puts(line.c_str());
}

}  // namespace

int main() {
    ramie::run([] {
        auto listener = ramie::unix_listener::bind(meeting_point()).value();
        auto const server = ramie::scoped_task(ramie::spawn([&] { serve(listener.accept().value()); }));
        call(listener.local_endpoint());
    });
}
