#include <ramie/detail/sight/symbols.hpp>

#include "sight/optional_library.hpp"

#include <cstdlib>
#include <cxxabi.h>
#include <memory>
#include <utility>

#include <dlfcn.h>
#include <unistd.h>

#if RAMIE_WITH_LIBDW
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>
#endif

namespace ramie::detail {

namespace {

struct freed {
    void operator()(void* p) const noexcept { std::free(p); }
};

std::string readable(char const* linker_name) {
    if (linker_name == nullptr) return {};
    int status = 0;
    std::unique_ptr<char, freed> const plain(abi::__cxa_demangle(linker_name, nullptr, nullptr, &status));
    return status == 0 && plain ? plain.get() : linker_name;
}

std::vector<code_place> known_to_linker(std::uintptr_t address) {
    Dl_info info{};
    if (::dladdr(reinterpret_cast<void const*>(address), &info) == 0 || info.dli_sname == nullptr) return {};
    return {{readable(info.dli_sname), {}, 0}};
}

}  // namespace

std::vector<code_place> const& symbols::of(std::uintptr_t address, bool returns_there) {
    if (returns_there) --address;
    auto const there = known_.find(address);
    return there != known_.end() ? there->second : known_.emplace(address, look_up(address)).first->second;
}

file_address symbols::in_file(std::uintptr_t address) const {
    Dl_info info{};
    if (::dladdr(reinterpret_cast<void const*>(address), &info) == 0 || info.dli_fname == nullptr) return {};
    return {info.dli_fname, address - reinterpret_cast<std::uintptr_t>(info.dli_fbase)};
}

#if RAMIE_WITH_LIBDW

namespace {

// libdw's functions, under their own names.
struct dw_calls {
    dw_calls() noexcept : library("libdw.so.1") {
        library.find(dwarf_attr, "dwarf_attr");
        library.find(dwarf_attr_integrate, "dwarf_attr_integrate");
        library.find(dwarf_diecu, "dwarf_diecu");
        library.find(dwarf_filesrc, "dwarf_filesrc");
        library.find(dwarf_formref_die, "dwarf_formref_die");
        library.find(dwarf_formstring, "dwarf_formstring");
        library.find(dwarf_formudata, "dwarf_formudata");
        library.find(dwarf_getscopes, "dwarf_getscopes");
        library.find(dwarf_getscopes_die, "dwarf_getscopes_die");
        library.find(dwarf_getsrc_die, "dwarf_getsrc_die");
        library.find(dwarf_getsrcfiles, "dwarf_getsrcfiles");
        library.find(dwarf_haspc, "dwarf_haspc");
        library.find(dwarf_lineno, "dwarf_lineno");
        library.find(dwarf_linesrc, "dwarf_linesrc");
        library.find(dwarf_tag, "dwarf_tag");
        library.find(dwfl_addrmodule, "dwfl_addrmodule");
        library.find(dwfl_begin, "dwfl_begin");
        library.find(dwfl_build_id_find_debuginfo, "dwfl_build_id_find_debuginfo");
        library.find(dwfl_end, "dwfl_end");
        library.find(dwfl_lineinfo, "dwfl_lineinfo");
        library.find(dwfl_linux_proc_find_elf, "dwfl_linux_proc_find_elf");
        library.find(dwfl_linux_proc_report, "dwfl_linux_proc_report");
        library.find(dwfl_module_addrdie, "dwfl_module_addrdie");
        library.find(dwfl_module_addrname, "dwfl_module_addrname");
        library.find(dwfl_module_getsrc, "dwfl_module_getsrc");
        library.find(dwfl_module_nextcu, "dwfl_module_nextcu");
        library.find(dwfl_report_begin, "dwfl_report_begin");
        library.find(dwfl_report_end, "dwfl_report_end");
    }

    optional_library library;
    decltype(::dwarf_attr)* dwarf_attr;
    decltype(::dwarf_attr_integrate)* dwarf_attr_integrate;
    decltype(::dwarf_diecu)* dwarf_diecu;
    decltype(::dwarf_filesrc)* dwarf_filesrc;
    decltype(::dwarf_formref_die)* dwarf_formref_die;
    decltype(::dwarf_formstring)* dwarf_formstring;
    decltype(::dwarf_formudata)* dwarf_formudata;
    decltype(::dwarf_getscopes)* dwarf_getscopes;
    decltype(::dwarf_getscopes_die)* dwarf_getscopes_die;
    decltype(::dwarf_getsrc_die)* dwarf_getsrc_die;
    decltype(::dwarf_getsrcfiles)* dwarf_getsrcfiles;
    decltype(::dwarf_haspc)* dwarf_haspc;
    decltype(::dwarf_lineno)* dwarf_lineno;
    decltype(::dwarf_linesrc)* dwarf_linesrc;
    decltype(::dwarf_tag)* dwarf_tag;
    decltype(::dwfl_addrmodule)* dwfl_addrmodule;
    decltype(::dwfl_begin)* dwfl_begin;
    decltype(::dwfl_build_id_find_debuginfo)* dwfl_build_id_find_debuginfo;
    decltype(::dwfl_end)* dwfl_end;
    decltype(::dwfl_lineinfo)* dwfl_lineinfo;
    decltype(::dwfl_linux_proc_find_elf)* dwfl_linux_proc_find_elf;
    decltype(::dwfl_linux_proc_report)* dwfl_linux_proc_report;
    decltype(::dwfl_module_addrdie)* dwfl_module_addrdie;
    decltype(::dwfl_module_addrname)* dwfl_module_addrname;
    decltype(::dwfl_module_getsrc)* dwfl_module_getsrc;
    decltype(::dwfl_module_nextcu)* dwfl_module_nextcu;
    decltype(::dwfl_report_begin)* dwfl_report_begin;
    decltype(::dwfl_report_end)* dwfl_report_end;
};

dw_calls const& dw() {
    static dw_calls const loaded;
    return loaded;
}

// Only what is on this machine: libdwfl's own look-up may ask a server.
int find_debug_information(Dwfl_Module* file, void** user, char const* name, Dwarf_Addr base, char const* file_name,
                           char const* link, GElf_Word checksum, char** found) {
    return dw().dwfl_build_id_find_debuginfo(file, user, name, base, file_name, link, checksum, found);
}

// Its declaration, which stands in its namespace or class.
Dwarf_Die declared(Dwarf_Die function) {
    for (unsigned const kind : {unsigned{DW_AT_abstract_origin}, unsigned{DW_AT_specification}}) {
        Dwarf_Attribute attribute;
        Dwarf_Die there;
        if (dw().dwarf_attr(&function, kind, &attribute) != nullptr &&
            dw().dwarf_formref_die(&attribute, &there) != nullptr)
            function = there;
    }
    return function;
}

std::string plain_name_of(Dwarf_Die& of) {
    Dwarf_Attribute attribute;
    auto const* const name = dw().dwarf_formstring(dw().dwarf_attr_integrate(&of, DW_AT_name, &attribute));
    return name != nullptr ? name : "(anonymous)";
}

// Of a function that the linker knows nothing of, such as a lambda that was compiled into another.
std::string full_name_of(Dwarf_Die const& function) {
    auto die = declared(function);
    Dwarf_Die* around = nullptr;
    auto const count = dw().dwarf_getscopes_die(&die, &around);
    std::unique_ptr<Dwarf_Die, freed> const kept(around);
    auto name = plain_name_of(die);
    for (int i = 1; i < count; ++i) {
        auto const kind = dw().dwarf_tag(&around[i]);
        if (kind == DW_TAG_namespace || kind == DW_TAG_structure_type || kind == DW_TAG_class_type ||
            kind == DW_TAG_subprogram)
            name = plain_name_of(around[i]) + "::" + name;
    }
    return name;
}

// `linkers`: its name if the linker knows one. (With -g1, clang notes of a function neither its linkage name nor where it is
// declared.)
std::string name_of(Dwarf_Die& function, char const* linkers) {
    Dwarf_Attribute attribute;
    for (unsigned const kind : {unsigned{DW_AT_linkage_name}, unsigned{DW_AT_MIPS_linkage_name}}) {
        if (auto* const name = dw().dwarf_formstring(dw().dwarf_attr_integrate(&function, kind, &attribute)))
            return readable(name);
    }
    return linkers != nullptr ? readable(linkers) : full_name_of(function);
}

// Where the function that was compiled in is called.
void note_call(Dwarf_Die& inlined, code_place& caller) {
    Dwarf_Attribute attribute;
    Dwarf_Die unit;
    Dwarf_Word line = 0, file = 0;
    if (dw().dwarf_formudata(dw().dwarf_attr(&inlined, DW_AT_call_line, &attribute), &line) == 0)
        caller.line = static_cast<int>(line);
    Dwarf_Files* files = nullptr;
    if (dw().dwarf_formudata(dw().dwarf_attr(&inlined, DW_AT_call_file, &attribute), &file) == 0 &&
        dw().dwarf_diecu(&inlined, &unit, nullptr, nullptr) != nullptr &&
        dw().dwarf_getsrcfiles(&unit, &files, nullptr) == 0) {
        if (auto const* const name = dw().dwarf_filesrc(files, file, nullptr, nullptr)) caller.file = name;
    }
}

// The compilation unit that the code there is of. gcc writes a table of that; clang does not, so all units are asked.
Dwarf_Die* unit_of(Dwfl_Module* file, std::uintptr_t address, Dwarf_Addr& bias) {
    if (auto* const found = dw().dwfl_module_addrdie(file, address, &bias)) return found;
    Dwarf_Die* unit = nullptr;
    while ((unit = dw().dwfl_module_nextcu(file, unit, &bias)) != nullptr)
        if (dw().dwarf_haspc(unit, address - bias) > 0) return unit;
    return nullptr;
}

void note_line(Dwarf_Die& unit, Dwarf_Addr at, code_place& place) {
    auto* const line = dw().dwarf_getsrc_die(&unit, at);
    auto const* const name = line != nullptr ? dw().dwarf_linesrc(line, nullptr, nullptr) : nullptr;
    if (name == nullptr) return;
    place.file = name;
    (void)dw().dwarf_lineno(line, &place.line);
}

struct scopes {
    scopes(Dwarf_Die& unit, Dwarf_Addr at) {
        // First the innermost, then again from there: only so do the functions come that it was compiled into.
        Dwarf_Die* around = nullptr;
        if (dw().dwarf_getscopes(&unit, at, &around) > 0) {
            auto const count_of = dw().dwarf_getscopes_die(around, &all);
            count = count_of > 0 ? count_of : 0;
        }
        std::free(around);
    }
    scopes(scopes const&) = delete;
    scopes& operator=(scopes const&) = delete;
    ~scopes() { std::free(all); }
    Dwarf_Die* all = nullptr;
    int count = 0;
};

}  // namespace

bool symbols::know_lines() noexcept {
    return static_cast<bool>(dw().library);
}

struct symbols::files {
    files() {
        if (!dw().library) return;
        calls.find_elf = dw().dwfl_linux_proc_find_elf;
        calls.find_debuginfo = find_debug_information;
        library = dw().dwfl_begin(&calls);
        if (library == nullptr) return;
        dw().dwfl_report_begin(library);
        bool const seen = dw().dwfl_linux_proc_report(library, ::getpid()) == 0;
        if (dw().dwfl_report_end(library, nullptr, nullptr) == 0 && seen) return;
        dw().dwfl_end(std::exchange(library, nullptr));
    }
    files(files const&) = delete;
    files& operator=(files const&) = delete;
    ~files() {
        if (library != nullptr) dw().dwfl_end(library);
    }

    Dwfl_Callbacks calls{};
    Dwfl* library = nullptr;  // null: the process's files cannot be seen
};

symbols::symbols() : files_(std::make_unique<files>()) {}
symbols::~symbols() = default;

std::vector<code_place> symbols::look_up(std::uintptr_t address) {
    std::vector<code_place> found;
    auto* const file = files_->library != nullptr ? dw().dwfl_addrmodule(files_->library, address) : nullptr;
    if (file == nullptr) return known_to_linker(address);
    code_place innermost;
    if (auto* const line = dw().dwfl_module_getsrc(file, address)) {
        if (auto const* const name = dw().dwfl_lineinfo(line, nullptr, &innermost.line, nullptr, nullptr, nullptr))
            innermost.file = name;
    }
    Dwarf_Addr bias = 0;
    if (auto* const unit = unit_of(file, address, bias)) {
        if (innermost.file.empty()) note_line(*unit, address - bias, innermost);
        scopes const around(*unit, address - bias);
        auto place = innermost;
        for (int i = 0; i < around.count; ++i) {
            auto& scope = around.all[i];
            auto const kind = dw().dwarf_tag(&scope);
            if (kind != DW_TAG_subprogram && kind != DW_TAG_inlined_subroutine) continue;
            auto const is_whole = kind == DW_TAG_subprogram;
            place.function = name_of(scope, is_whole ? dw().dwfl_module_addrname(file, address) : nullptr);
            found.push_back(std::exchange(place, {}));
            if (is_whole) break;
            note_call(scope, place);
        }
    }
    if (found.empty()) {
        innermost.function = readable(dw().dwfl_module_addrname(file, address));
        if (!innermost.function.empty() || !innermost.file.empty()) found.push_back(std::move(innermost));
    }
    return found;
}

#else

bool symbols::know_lines() noexcept {
    return false;
}

struct symbols::files {};
symbols::symbols() = default;
symbols::~symbols() = default;

std::vector<code_place> symbols::look_up(std::uintptr_t address) {
    return known_to_linker(address);
}

#endif

}  // namespace ramie::detail
