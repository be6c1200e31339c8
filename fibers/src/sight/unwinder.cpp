#include <ramie/detail/sight/unwinder.hpp>

#include "sight/loaded_files.hpp"
#include "sight/optional_library.hpp"

#include <ramie/detail/ground/config.hpp>

#if RAMIE_WITH_LIBUNWIND
#include <libunwind.h>
#endif

#include <memory>
#include <new>

namespace ramie::detail {

namespace {

// A stack that was walked to its end: all that is above the last frame is the few words with which it was made, and with ASan the
// first function's red zones.
#if RAMIE_ASAN
constexpr std::uintptr_t words_of_entry = 64 * sizeof(std::uintptr_t);
#else
constexpr std::uintptr_t words_of_entry = 16 * sizeof(std::uintptr_t);
#endif

bool is_at_top(stack_copy const& of, std::uintptr_t frame_end) noexcept {
    return of.top() - frame_end <= words_of_entry;
}

// A task is lost where its walk stops before the top, unless what is there was not copied.
trace::ending ending_at(stack_copy const& of, std::uintptr_t frame_end) noexcept {
    if (is_at_top(of, frame_end)) return trace::ending::entry;
    return of.is_cut() && !of.is_within(frame_end) ? trace::ending::deep : trace::ending::lost;
}

}  // namespace

#if RAMIE_WITH_LIBUNWIND

namespace {

// libunwind's functions. Its header makes each name that of the processor.
struct unwind_calls {
    unwind_calls() noexcept : library("libunwind-x86_64.so.8") {
        library.find(own_space, "_Ux86_64_local_addr_space");
        library.find(get_accessors, "_Ux86_64_get_accessors");
        library.find(create_space, "_Ux86_64_create_addr_space");
        library.find(destroy_space, "_Ux86_64_destroy_addr_space");
        library.find(set_caching_policy, "_Ux86_64_set_caching_policy");
        library.find(init_remote, "_Ux86_64_init_remote");
        library.find(step, "_Ux86_64_step");
        library.find(get_reg, "_Ux86_64_get_reg");
        library.find(get_save_loc, "_Ux86_64_get_save_loc");
    }

    optional_library library;
    decltype(unw_local_addr_space)* own_space;
    decltype(unw_get_accessors)* get_accessors;
    decltype(unw_create_addr_space)* create_space;
    decltype(unw_destroy_addr_space)* destroy_space;
    decltype(unw_set_caching_policy)* set_caching_policy;
    decltype(unw_init_remote)* init_remote;
    decltype(unw_step)* step;
    decltype(unw_get_reg)* get_reg;
    decltype(unw_get_save_loc)* get_save_loc;
};

unwind_calls const& unwind() {
    static unwind_calls const loaded;
    return loaded;
}

}  // namespace

bool unwinder::needs_no_frame_pointers() noexcept {
    return static_cast<bool>(unwind().library);
}

// What libunwind asks for. The accessors that are not here are those it has for its own process.
struct unwinder::machine {
    machine() {
        auto answers = *unwind().get_accessors(*unwind().own_space);
        answers.access_mem = access_memory;
        answers.access_reg = access_register;
        space = unwind().create_space(&answers, 0);
        if (space == nullptr) throw std::bad_alloc();
        unwind().set_caching_policy(space, UNW_CACHE_GLOBAL);
    }
    machine(machine const&) = delete;
    machine& operator=(machine const&) = delete;
    ~machine() { unwind().destroy_space(space); }

    static int access_memory(unw_addr_space_t, unw_word_t address, unw_word_t* word, int write, void* of) {
        auto const& self = *static_cast<machine*>(of);
        if (write != 0) return -UNW_EINVAL;
        if (std::uintptr_t copied = 0; self.stack->read(address, copied)) {
            *word = copied;
            return 0;
        }
        if (self.stack->is_within(address) || !self.files.hold(address, sizeof *word)) return -UNW_EINVAL;
        read_unwatched(reinterpret_cast<void const*>(address), word, sizeof *word);  // a spoiled stack may lead into a red zone
        return 0;
    }

    static int access_register(unw_addr_space_t, unw_regnum_t which, unw_word_t* value, int write, void* of) {
        if (write != 0) return -UNW_EREADONLYREG;
        auto const& r = static_cast<machine*>(of)->stack->registers();
        switch (which) {
        case UNW_X86_64_RIP: *value = r.ip; return 0;
        case UNW_X86_64_RSP: *value = r.sp; return 0;
        case UNW_X86_64_RBP: *value = r.fp; return 0;
        case UNW_X86_64_RBX: *value = r.rbx; return 0;
        case UNW_X86_64_R12: *value = r.r12; return 0;
        case UNW_X86_64_R13: *value = r.r13; return 0;
        case UNW_X86_64_R14: *value = r.r14; return 0;
        case UNW_X86_64_R15: *value = r.r15; return 0;
        default: *value = 0; return 0;  // not kept over calls: no caller's frame is found by it
        }
    }

    unw_cursor_t cursor;
    loaded_files files;
    unw_addr_space_t space = nullptr;
    stack_copy const* stack = nullptr;
};

// One frame further. False: there is none, or it leads nowhere.
bool unwinder::step(stack_copy const& from, frame& at, std::vector<frame_check>& checks, bool& all_checked) {
    auto& cursor = machine_->cursor;
    unw_word_t ip = 0, sp = 0, fp = 0;
    if (unwind().step(&cursor) <= 0 || unwind().get_reg(&cursor, UNW_REG_IP, &ip) != 0 || ip == 0 ||
        unwind().get_reg(&cursor, UNW_REG_SP, &sp) != 0 || unwind().get_reg(&cursor, UNW_X86_64_RBP, &fp) != 0)
        return false;
    if (sp <= at.end || !(from.is_within(sp) || sp == from.top())) return false;  // callers lie above
    std::uintptr_t returns_to = 0;
    all_checked = all_checked && from.read(sp - sizeof returns_to, returns_to) && returns_to == ip;
    checks.push_back({from.from_top(sp - sizeof returns_to), false, ip});
    if (fp != at.fp && from.is_within(fp)) {  // any other value cannot be a frame's pointer
        unw_save_loc_t saved{};
        bool const known = unwind().get_save_loc(&cursor, UNW_X86_64_RBP, &saved) == 0 && saved.type == UNW_SLT_MEMORY;
        all_checked = all_checked && known;
        if (known) checks.push_back({from.from_top(saved.u.addr), true, from.top() - fp});
    }
    at = {ip, sp, fp};
    return true;
}

bool unwinder::begin(stack_copy const& from) {
    if (!machine_) {
        if (!unwind().library) return false;
        machine_ = std::make_unique<machine>();
    }
    auto& m = *machine_;
    m.stack = &from;
    if (!m.files.hold(from.registers().ip, 1)) m.files.look();  // the first time, or loaded since
    return unwind().init_remote(&m.cursor, m.space, &m) == 0;
}

#else

bool unwinder::needs_no_frame_pointers() noexcept {
    return false;
}

struct unwinder::machine {};
bool unwinder::begin(stack_copy const&) {
    return false;
}
bool unwinder::step(stack_copy const&, frame&, std::vector<frame_check>&, bool&) {
    return false;
}

#endif

unwinder::unwinder() = default;
unwinder::~unwinder() = default;

// The same, by the chain of frame pointers.
bool unwinder::step_by_frame_pointer(stack_copy const& from, frame& at, std::vector<frame_check>& checks) {
    constexpr auto word_size = sizeof(std::uintptr_t);
    std::uintptr_t outer = 0, ip = 0;
    if (at.fp < at.end || !from.read(at.fp, outer) || !from.read(at.fp + word_size, ip)) return false;
    checks.push_back({from.from_top(at.fp), true, from.top() - outer});
    checks.push_back({from.from_top(at.fp + word_size), false, ip});
    at = {ip, at.fp + 2 * word_size, outer};
    return ip != 0;
}

bool unwinder::walk(stack_copy const& from, trace& out, std::vector<frame_check>& checks) {
    bool all_checked = true;
    auto const& r = from.registers();
    frame at{r.ip, r.sp, r.fp};
    bool const by_library = begin(from);
    do {
        if (out.frames.size() == trace::most_frames) {
            out.end = trace::ending::deep;
            return all_checked;
        }
        out.frames.push_back(at.ip);
    } while (by_library ? step(from, at, checks, all_checked) : step_by_frame_pointer(from, at, checks));
    out.end = ending_at(from, at.end);
    return all_checked;
}

}  // namespace ramie::detail
