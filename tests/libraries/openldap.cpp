// OpenLDAP's libldap. Its first use looks a name up while it holds a mutex of its own, which the other fibers want too.
#include "library_run.hpp"

#include <ldap.h>

#include <cstring>
#include <filesystem>

namespace {

constexpr std::size_t connections = 50;

std::vector<std::string> slapd(std::uint16_t port, real_server::folder const& home) {
    std::filesystem::create_directory(home.path("db"));
    home.write("slapd.conf", "include /etc/ldap/schema/core.schema\npidfile " + home.path("pid") +
                                 "\nmodulepath /usr/lib/ldap\nmoduleload back_mdb\ndatabase mdb\nsuffix \"dc=test\"\n"
                                 "directory " + home.path("db") + "\naccess to * by * read\n");
    home.write("data.ldif", "dn: dc=test\nobjectClass: dcObject\nobjectClass: organization\no: test\ndc: test\n\n"
                            "dn: ou=fibers,dc=test\nobjectClass: organizationalUnit\nou: fibers\n");
    library_run::run_first(home, {real_server::find_program("slapadd"), "-f", home.path("slapd.conf"), "-l",
                                  home.path("data.ldif")});
    return {real_server::find_program("slapd"), "-f", home.path("slapd.conf"), "-h",
            "ldap://127.0.0.1:" + std::to_string(port), "-d", "0"};
}

bool went_well(char const* call, int error) {
    return error == LDAP_SUCCESS || library_run::complain(call, ::ldap_err2string(error));
}

bool ask(std::string const& where) {
    LDAP* l = nullptr;
    if (!went_well("ldap_initialize", ::ldap_initialize(&l, where.c_str()))) return false;
    std::unique_ptr<LDAP, int (*)(LDAP*)> const closed_at_the_end(
        l, [](LDAP* last) { return ::ldap_unbind_ext_s(last, nullptr, nullptr); });
    int const version = LDAP_VERSION3;
    ::ldap_set_option(l, LDAP_OPT_PROTOCOL_VERSION, &version);
    berval nothing{0, nullptr};
    if (!went_well("ldap_sasl_bind_s", ::ldap_sasl_bind_s(l, nullptr, LDAP_SASL_SIMPLE, &nothing, nullptr, nullptr, nullptr)))
        return false;
    LDAPMessage* found = nullptr;
    bool const good = went_well("ldap_search_ext_s",
                                ::ldap_search_ext_s(l, "dc=test", LDAP_SCOPE_SUBTREE, "(objectClass=*)", nullptr, 0,
                                                    nullptr, nullptr, nullptr, 0, &found));
    int const entries = ::ldap_count_entries(l, found);
    ::ldap_msgfree(found);
    return good && entries == 2;
}

}  // namespace

int main() {
    return library_run::main({"slapd", "slapadd"}, [] {
        library_run::server const there(slapd);
        auto const where = "ldap://localhost:" + std::to_string(there.port());
        return ramie::run_as_threads({.workers = 1}, [&] {
            return library_run::round("first uses and searches", connections, [&](std::size_t) { return ask(where); });
        });
    });
}
