// replicated_log [SEEDS] [bug]: a log on three machines, tried under many seeds: machines are killed and cut off, and
// whatever was acknowledged must still be there. With "bug" the replicas forget a promise, which some seeds bring to
// light.
//
// Each leader has an epoch, a number larger than those of all leaders before. To begin, it asks a majority for their
// logs and for the promise to take nothing from older leaders; the newest log it hears of becomes its own. To append,
// it sends the log with the new entry to all. Once a majority has stored it, the entry is acknowledged.
#include <ramie/ramie.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

using namespace std::chrono_literals;
using ramie::testing::simulated_node;

namespace {

constexpr std::uint16_t port = 4000;
constexpr std::string_view names[] = {"a", "b", "c"};
constexpr std::size_t majority = 2;

// What survives when its machine is killed.
struct disk {
    int promised = 0;   // nothing is taken from leaders before this epoch
    int stored_by = 0;  // the leader whose log this is
    std::string log;    // entries with a space behind each
};

// One question and its answer, a line each. Empty: none came in time.
std::string ask(std::string_view host, std::string const& question) {
    auto const answered = ramie::timeout(200ms, [&]() -> std::string {
        auto stream = ramie::tcp_stream::connect(host, port);
        if (!stream || !stream->write_all(question + '\n')) return {};
        ramie::buffered_reader reader(*stream);
        std::string line;
        return reader.read_line(line).value_or(false) ? line : std::string();
    });
    return answered.value_or("");
}

class replica {
  public:
    replica(disk& stored, std::string_view name, bool forgets) : disk_(stored), name_(name), forgets_(forgets) {}

    std::string answer(std::string const& question) {
        std::istringstream words(question);
        std::string verb, entry;
        int epoch = 0;
        words >> verb;
        if (verb == "prepare" && words >> epoch) return prepare(epoch);
        if (verb == "accept" && words >> epoch)
            return accept(epoch, std::string(std::istreambuf_iterator<char>(words.ignore()), {}));
        if (verb == "lead" && words >> epoch) return lead(epoch);
        if (verb == "append" && words >> entry) return append(entry);
        return "what?";
    }

  private:
    std::string prepare(int epoch) {
        if (epoch <= disk_.promised) return "no";
        disk_.promised = epoch;
        return "yes " + std::to_string(disk_.stored_by) + ' ' + disk_.log;
    }
    std::string accept(int epoch, std::string log) {
        if (epoch < disk_.promised && !forgets_) return "no";
        disk_ = {std::max(epoch, disk_.promised), epoch, std::move(log)};
        return "yes";
    }

    // The answers of all three to one question, this one's own among them.
    std::vector<std::string> ask_all(std::string const& question) {
        ramie::join_set<std::string> questions;
        for (auto const name : names) {
            questions.spawn([this, name, question] { return name == name_ ? answer(question) : ask(name, question); });
        }
        std::vector<std::string> yes;
        for (auto& each : questions.join_all()) {
            if (each && each->starts_with("yes")) yes.push_back(std::move(*each));
        }
        return yes;
    }

    std::string lead(int epoch) {
        std::lock_guard const one_at_a_time(leading_);
        epoch_ = 0;
        auto const promises = ask_all("prepare " + std::to_string(epoch));
        if (promises.size() < majority) return "no";
        int newest = -1;
        for (auto const& each : promises) {
            std::istringstream words(each.substr(4));
            int stored_by = 0;
            words >> stored_by;
            std::string log(std::istreambuf_iterator<char>(words.ignore()), {});
            // Of two with one leader the longer one: it has what was sent later.
            if (stored_by < newest || (stored_by == newest && log.size() <= log_.size())) continue;
            newest = stored_by;
            log_ = std::move(log);
        }
        if (!store(epoch, log_)) return "no";
        epoch_ = epoch;
        return "yes " + log_;
    }

    std::string append(std::string const& entry) {
        std::lock_guard const one_at_a_time(leading_);
        if (epoch_ == 0) return "no";
        if (!store(epoch_, log_ + entry + ' ')) {
            epoch_ = 0;  // another leads, or nobody hears this one
            return "no";
        }
        log_ += entry + ' ';
        return "yes";
    }

    bool store(int epoch, std::string const& log) {
        return ask_all("accept " + std::to_string(epoch) + ' ' + log).size() >= majority;
    }

    disk& disk_;
    std::string_view const name_;
    bool const forgets_;
    ramie::mutex leading_;
    int epoch_ = 0;    // in which it leads; 0: it does not
    std::string log_;  // of its epoch
};

void serve(disk& stored, std::string_view name, bool forgets) {
    replica self(stored, name, forgets);
    auto listener = ramie::tcp_listener::bind(ramie::endpoint::any_v4(port));
    if (!listener) throw std::system_error(listener.error());
    ramie::join_set<void> open;
    while (auto stream = listener->accept()) {
        open.spawn([&self, client = std::move(*stream)]() mutable {
            ramie::buffered_reader reader(client);
            std::string question;
            if (reader.read_line(question).value_or(false)) (void)client.write_all(self.answer(question) + '\n');
        });
        while (open.try_join_next()) {}
    }
}

// One run: leaders are appointed, entries appended, machines disturbed; at the end all acknowledged entries are asked
// for.
void trial(bool forgets) {
    ramie::random_source random;
    std::vector<disk> disks(std::size(names));
    auto const node = [](std::size_t i) { return simulated_node::named(names[i]); };
    auto const start = [&](std::size_t i) {
        node(i).spawn({.name = std::string(names[i])}, [&, i] { serve(disks[i], names[i], forgets); }).detach();
    };
    for (std::size_t i = 0; i < std::size(names); ++i) start(i);

    std::vector<std::string> acknowledged;
    int epoch = 0, entries = 0;
    for (int step = 0; step < 30; ++step) {
        auto const i = random.below(std::size(names));
        switch (random.below(8)) {
        case 0:
            node(i).cut_off();
            node(i).join(simulated_node::named("test"));
            break;
        case 1: node(i).join_all(); break;
        case 2:
            node(i).kill();
            start(i);
            break;
        case 3: (void)ask(names[i], "lead " + std::to_string(++epoch)); break;
        default: {
            auto const entry = std::to_string(++entries);
            if (ask(names[i], "append " + entry) == "yes") acknowledged.push_back(entry);
        }
        }
    }

    for (std::size_t i = 0; i < std::size(names); ++i) node(i).join_all();
    std::string log;
    while (!log.starts_with("yes")) log = ask(names[0], "lead " + std::to_string(++epoch));
    std::istringstream words(log.substr(3));
    std::vector<std::string> const kept(std::istream_iterator<std::string>(words), {});
    for (auto const& each : acknowledged) {
        if (std::ranges::find(kept, each) == kept.end())
            throw std::runtime_error("entry " + each + " was acknowledged and is lost");
    }
}

}  // namespace

int main(int argc, char** argv) {
    auto const seeds = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1000;
    bool const forgets = argc > 2 && std::string_view(argv[2]) == "bug";
    try {
        std::printf("%llu runs, and nothing that was acknowledged is lost\n",
                    static_cast<unsigned long long>(ramie::testing::explore(seeds, [&] { trial(forgets); })));
    } catch (std::exception const& e) {
        std::printf("found: %s\n", e.what());
        return 1;
    }
}
