// What the two chats have in common: who is in which room, and what is said to whom. Waits for nothing.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace chat {

inline constexpr std::size_t longest_line = 1024;  // with its end
inline constexpr std::size_t longest_name = 32;
inline constexpr std::size_t outbox_size = 64;  // lines that a guest may be behind with
inline constexpr std::chrono::seconds linger{2};  // for the last lines to a guest that leaves

using line = std::shared_ptr<std::string const>;  // with its end; one for all who hear it

// A guest as the hall sees it. All are called under the hall's lock: they must not wait, and not call the hall.
class guest {
  public:
    virtual bool tell(line const& what) = 0;  // false: too far behind
    virtual void dismiss() = 0;               // no more lines from this guest, please
    virtual void cut_off() = 0;               // nor to it

  protected:
    ~guest() = default;
};

class hall {
  public:
    void arrive(guest& who) {
        std::lock_guard const held(lock_);
        auto& here = guests_[&who];
        if (closed_) say_goodbye(who, here);
    }

    // What a guest says: first its name, then /join ROOM, /who, /quit, or what is for all in its room. False: no more
    // of its lines are wanted.
    bool hear(guest& who, std::string const& text) {
        std::lock_guard const held(lock_);
        auto const found = guests_.find(&who);
        if (closed_ || found == guests_.end()) return false;  // not there: cut off
        auto const goes_on = found->second.name.empty() ? enter(who, found->second, text)
                                                        : obey(who, found->second, text);
        cut_off_who_is_behind();
        return goes_on;
    }

    void leave(guest& who) {
        std::lock_guard const held(lock_);
        auto const found = guests_.find(&who);
        if (found == guests_.end()) return;
        auto const here = found->second;
        guests_.erase(found);
        if (!closed_ && !here.name.empty()) say_in(here.room, "* " + here.name + " leaves");
        cut_off_who_is_behind();
    }

    // Everybody is told and dismissed, also who comes later.
    void close() {
        std::lock_guard const held(lock_);
        closed_ = true;
        for (auto& [who, here] : guests_) say_goodbye(*who, here);
    }

  private:
    struct place {
        std::string name = {};  // empty: not told yet
        std::string room = "lobby";
        bool behind = false;
    };

    static bool is_name(std::string_view text) {
        return !text.empty() && text.size() <= longest_name && std::ranges::all_of(text, [](char c) {
            return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        });
    }

    bool enter(guest& who, place& here, std::string const& name) {
        auto const bears_it = [&](auto const& g) { return g.second.name == name; };
        if (!is_name(name)) return tell(who, here, "! a name is 1 to 32 letters or digits"), false;
        if (std::ranges::any_of(guests_, bears_it)) return tell(who, here, "! " + name + " is taken"), false;
        here.name = name;
        say_in(here.room, "* " + name + " joins");
        return true;
    }
    bool obey(guest& who, place& here, std::string const& text) {
        if (text == "/quit") return false;
        if (text == "/who") {
            tell(who, here, "* here: " + names_in(here.room));
        } else if (text.starts_with("/join ") && is_name(text.substr(6))) {
            say_in(here.room, "* " + here.name + " goes to " + text.substr(6));
            here.room = text.substr(6);
            say_in(here.room, "* " + here.name + " joins");
        } else if (text.starts_with("/")) {
            tell(who, here, "! /join ROOM, /who, /quit");
        } else {
            say_in(here.room, here.name + ": " + text);
        }
        return true;
    }
    void say_goodbye(guest& who, place& here) {
        tell(who, here, "* the chat is over");
        who.dismiss();
    }

    static void tell(guest& who, place& here, line const& what) {
        if (!here.behind) here.behind = !who.tell(what);
    }
    static void tell(guest& who, place& here, std::string const& text) {
        tell(who, here, std::make_shared<std::string const>(text + '\n'));
    }
    void say_in(std::string const& room, std::string const& text) {
        auto const what = std::make_shared<std::string const>(text + '\n');
        for (auto& [who, here] : guests_)
            if (!here.name.empty() && here.room == room) tell(*who, here, what);
    }
    std::string names_in(std::string const& room) const {
        std::vector<std::string> names;
        for (auto const& [who, here] : guests_)
            if (!here.name.empty() && here.room == room) names.push_back(here.name);
        std::ranges::sort(names);
        std::string all;
        for (auto const& name : names) all += (all.empty() ? "" : " ") + name;
        return all;
    }
    // Telling the others may find more of them.
    void cut_off_who_is_behind() {
        for (;;) {
            auto const late = std::ranges::find_if(guests_, [](auto const& g) { return g.second.behind; });
            if (late == guests_.end()) return;
            auto const [who, here] = *late;
            who->cut_off();
            guests_.erase(late);
            say_in(here.room, "* " + here.name + " is too slow");
        }
    }

    std::mutex lock_;  // held for a few instructions for each guest, never over a wait
    std::map<guest*, place> guests_;
    bool closed_ = false;
};

// A guest is in the hall as long as this lives.
class stay {
  public:
    stay(hall& where, guest& who) : hall_(where), who_(who) { hall_.arrive(who_); }
    stay(stay const&) = delete;
    stay& operator=(stay const&) = delete;
    ~stay() { hall_.leave(who_); }
    bool hear(std::string const& text) { return hall_.hear(who_, text); }

  private:
    hall& hall_;
    guest& who_;
};

}  // namespace chat
