// libramie-hook: the behaviour of each call that has to wait, tested by the call itself. docs/porting.md has the same
// in a table, which is read here and compared.
//
//   how      "parks": other fibers run on its thread meanwhile, and no thread of the blocking pool is used; "pool":
//            others run, and such a thread is used; "in place": it does not wait; "stalls": no fiber runs until it has
//            ended
//   signal   a handler runs on every thread of the process while the call waits: "goes on", or the error it returns
//            then
//   abort    its fiber is aborted: the error, and "goes on" if the call goes on in the pool; "the answer", if the fiber
//            waits until the answer is there
#include "covered_calls.hpp"
#include "exported_calls.hpp"
#include "handled_signals.hpp"
#include "plain_fds.hpp"
#include "porting_table.hpp"

#include <ramie/detail/ground/config.hpp>
#include <ramie/runtime_metrics.hpp>
#include <ramie/spawn_blocking.hpp>

#include <algorithm>
#include <atomic>
#include <cctype>
#include <charconv>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <sstream>
#include <thread>

#include <sys/syscall.h>

using namespace ramie::testing;

namespace {

struct behaviour {
    std::string how, signal, abort;
    friend bool operator==(behaviour const&, behaviour const&) = default;
    friend std::ostream& operator<<(std::ostream& out, behaviour const& b) {
        return out << b.how << " | " << b.signal << " | " << b.abort;
    }
};

// Runs the handler on every thread there is.
void signal_everybody() {
    for (auto const& each : std::filesystem::directory_iterator("/proc/self/task")) {
        int id = 0;
        auto const name = each.path().filename().string();
        std::from_chars(name.data(), name.data() + name.size(), id);
        ::syscall(SYS_tgkill, ::getpid(), id, SIGUSR1);
    }
}

std::string text_of(int error) {
    if (error == ended_early) return "the time left";
    return error == 0 ? "ends it" : ::strerrorname_np(error);
}

// The call, on a fiber of a runtime of its own.
class observed_wait {
  public:
    observed_wait(ramie::runtime& home, waiting_scene const& scene) : home_(home), scene_(scene) {
        threads_before_ = pool();
        fiber_ = ramie::spawn([this] {
            called_ = true;
            error_ = scene_.call();
            ended_ = true;
        });
        // If the call keeps its thread, only a plain thread can end it.
        ender_ = std::thread([this] {
            auto const patience = std::chrono::steady_clock::now() + 3s;
            while (!is_watched_ && std::chrono::steady_clock::now() < patience) std::this_thread::sleep_for(1ms);
            if (is_watched_ || !scene_.end) return;
            had_to_help_ = true;
            scene_.end();
        });
        while (!called_) ramie::this_fiber::yield();
        was_waiting_ = !ended_;
        if (!ended_) let_others_park();
        used_pool_ = pool() > threads_before_;
        // Its job starts, unless all threads of the pool are taken on purpose.
        for (int i = 0; i < 30 && used_pool_ && home_.metrics().blocking_queued > 0; ++i) let_others_park();
        is_watched_ = true;
        ender_.join();
    }
    observed_wait(observed_wait const&) = delete;
    observed_wait& operator=(observed_wait const&) = delete;

    std::string how() const {
        if (used_pool_) return "pool";
        if (was_waiting_) return "parks";
        return had_to_help_ ? "stalls" : "in place";
    }
    // Whether the call ends within a time in which it surely would have ended.
    bool ends_by_itself() {
        for (int i = 0; i < 15 && !ended_; ++i) ramie::this_fiber::sleep_for(2ms);
        return ended_;
    }
    void abort() { fiber_.abort(); }
    int end() {
        std::thread ending;
        if (!scene_.end) fiber_.abort();
        else if (!ended_ || is_left_behind()) ending = std::thread([this] { scene_.end(); });
        (void)soon([&] { return fiber_.join(); });
        if (ending.joinable()) ending.join();
        return error_;
    }
    int error() const { return error_; }
    // The call goes on though its fiber has left.
    bool is_left_behind() const { return home_.metrics().blocking_left_behind > 0; }

  private:
    unsigned pool() const {
        auto const m = home_.metrics();
        return m.blocking_threads + static_cast<unsigned>(m.blocking_queued);
    }

    ramie::runtime& home_;
    waiting_scene const& scene_;
    unsigned threads_before_ = 0;
    bool was_waiting_ = false, used_pool_ = false;
    std::atomic<bool> called_{false}, ended_{false}, is_watched_{false}, had_to_help_{false};
    std::atomic<int> error_{0};
    ramie::join_handle<void> fiber_;
    std::thread ender_;
};

// Applies `what` to one wait, in a runtime of its own.
template <class F>
void with_wait(covered_call const& call, F&& what) {
    ramie::runtime home({.max_blocking_threads = 4, .current_thread = true});
    home.block_on([&] {
        auto const scene = call.scene();
        observed_wait wait(home, scene);
        what(wait);
        auto const said = wait.end();
        CHECK_MESSAGE((said == 0 || said == ECANCELED || said == EINTR || said == ended_early),
                      call.name << ": " << std::strerror(said));
    });
}

behaviour ask(covered_call const& call) {
    behaviour b{"", "-", "-"};
    with_wait(call, [&](observed_wait& wait) { b.how = wait.how(); });
    if (b.how == "in place") return b;
    with_wait(call, [&](observed_wait& wait) {
        // Again and again, because a call on the pool may not wait yet.
        for (int i = 0; i < 10; ++i) {
            signal_everybody();
            ramie::this_fiber::sleep_for(2ms);
        }
        b.signal = wait.ends_by_itself() ? text_of(wait.error()) : "goes on";
    });
    with_wait(call, [&](observed_wait& wait) {
        wait.abort();
        b.abort = wait.ends_by_itself() ? text_of(wait.error()) : "the answer";
        if (wait.ends_by_itself() && wait.is_left_behind()) b.abort += ", goes on";
    });
    return b;
}

std::vector<covered_call> all_covered_calls() {
    std::vector<covered_call> all;
    for (auto const& each : {covered_descriptor_calls, covered_file_calls, covered_child_calls, covered_message_calls,
                             covered_signal_calls, covered_request_calls}) {
        auto some = each();
        all.insert(all.end(), std::make_move_iterator(some.begin()), std::make_move_iterator(some.end()));
    }
    return all;
}

}  // namespace

TEST_CASE("hook: docs/porting.md says of each call that waits what it does") {
    prepared_signals const signals;
    auto const table = porting_table();
    std::set<std::string> asked;
    for (auto const& call : all_covered_calls()) {
        CAPTURE(call.name);
        asked.insert(call.name);
#if RAMIE_TSAN
        if (call.by_unseen_thread) {
            MESSAGE("not asked under TSan: " << call.name);
            continue;
        }
#endif
        auto const seen = ask(call);
        auto const said = table.find(call.name);
        if (said == table.end()) FAIL_CHECK("not in the table: | `" << call.name << "` | " << seen << " |");
        else CHECK(behaviour{said->second.how, said->second.signal, said->second.abort} == seen);
    }
    for (auto const& [name, what] : table) CHECK_MESSAGE(asked.count(name) == 1, name << " is not asked");
}

// Whether docs/porting.md mentions the name anywhere.
bool is_spoken_of(std::string const& name) {
    static std::set<std::string> const words = [] {
        std::ifstream in(PORTING);
        std::string text{std::istreambuf_iterator<char>(in), {}};
        for (auto& c : text) {
            if (std::isalnum(static_cast<unsigned char>(c)) == 0 && c != '_') c = ' ';
        }
        std::istringstream split(text);
        return std::set<std::string>{std::istream_iterator<std::string>(split), {}};
    }();
    return words.count(name) == 1;
}

TEST_CASE("hook: docs/porting.md says which of the calls for threads are taken over") {
    auto const exported = exported_calls();
    std::ifstream in(PORTING);
    int asked = 0;
    bool inside = false;
    for (std::string line; std::getline(in, line);) {
        if (line.starts_with("## ")) inside = line == "## Which thread call becomes what";
        std::istringstream cells(line);
        std::string empty, names, in_std, how;
        for (auto* each : {&empty, &names, &in_std, &how}) std::getline(cells, *each, '|');
        if (!inside || (!how.starts_with(" hooked") && !how.starts_with(" not hooked"))) continue;
        std::istringstream split(names);
        for (std::string name; std::getline(split, name, '`') && std::getline(split, name, '`');) {
            if (name.ends_with('*')) continue;
            CAPTURE(name);
            // pthread_exit and thrd_exit are the library's own, in the program or in libramie.so.
            bool const is_ours = std::ranges::find(exported, name) != exported.end() || name.ends_with("_exit");
            CHECK(is_ours == how.starts_with(" hooked"));
            ++asked;
        }
    }
    CHECK(asked >= 15);
}

TEST_CASE("hook: each call that is taken over is in the table, or the text says what becomes of it") {
    // Whole families that the text mentions, and names that are not calls for users.
    auto const families = {"__cxa_", "pthread_", "__pthread_", "sem_", "mtx_", "cnd_", "thrd_", "ramie_hook_"};
    std::set<std::string> const second_names = {"__close", "__dup2", "__sched_yield", "__vfork", "call_once"};
    auto const table = porting_table();
    for (auto const& name : exported_calls()) {
        bool const is_of_family =
            std::any_of(families.begin(), families.end(), [&](auto* start) { return name.starts_with(start); });
        bool const is_known = table.count(name) == 1 || is_of_family || second_names.count(name) == 1;
        CHECK_MESSAGE((is_known || is_spoken_of(name)),
                      name << ": give it a scene in one of covered_*.cpp and a place in docs/porting.md's table");
    }
}
