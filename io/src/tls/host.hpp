// The host that a server's certificate must name: a DNS name or an address, by the rules of RFC 9525.
//
//   name       Only the certificate's DNS names count, never its subject (a CN). A star stands for one whole label, the
//              first. The dot at the end of "example.org." says that the name is complete. It is not part of the name:
//              neither for the certificate nor for SNI (RFC 6066).
//   address    Only the certificate's addresses count. Every text that libc reads as an IPv4 address is one ("127.1"),
//              since that is where the connection goes. The zone of "fe80::1%eth0" says which way the packets leave
//              this machine; it is not part of the address.
//   neither    A text that cannot be a host is refused before a byte is sent: empty labels (so ".org", which OpenSSL
//              would take for "any host below org"), characters that host names do not have, names that end in a
//              number. Names in other scripts come as "xn--...".
#pragma once

#include <openssl/ssl.h>

#include <optional>
#include <string>
#include <string_view>

namespace ramie::detail {

class tls_host {
  public:
    // None: the text cannot be a host.
    static std::optional<tls_host> parse(std::string_view text);

    bool is_address() const noexcept { return is_address_; }
    // "example.org", "127.0.0.1", "fe80::1": without the final dot or the zone.
    std::string const& text() const noexcept { return text_; }

    // From now on the handshake accepts only a server that proves to be this host. False: no memory.
    bool demand_of(SSL* client) const;
    // Whether clients that ask for this host would accept the certificate.
    bool is_named_by(X509* certificate) const;

  private:
    tls_host(std::string text, bool is_address) : text_(std::move(text)), is_address_(is_address) {}

    std::string text_;
    bool is_address_;
};

}  // namespace ramie::detail
