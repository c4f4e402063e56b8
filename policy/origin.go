// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// Origin is the part of a URL that a policy decides on.
type Origin struct {
	Scheme string // lower case; "" in a subject: any
	Host   string // DNS name in lower case without a final dot, or an IP address as netip writes it
	Port   uint16
}

// defaultPorts are the ports of the schemes that need not name one.
var defaultPorts = map[string]uint16{"http": 80, "ws": 80, "https": 443, "wss": 443}

const urlForm = "write scheme://host or scheme://host:port"

// parseOrigin reads scheme, host and port of a URL.
func parseOrigin(raw string) (Origin, *url.URL, *valueError) {
	for i := range len(raw) {
		if raw[i] <= ' ' || raw[i] == 0x7f || raw[i] == '\\' {
			return Origin{}, nil, badByte(i, urlForm, "blank, control character or backslash in URL %q", raw)
		}
	}
	u, err := url.Parse(raw)
	if err != nil {
		return Origin{}, nil, badValue(urlForm, "URL %q cannot be read", raw)
	}
	if u.Scheme == "" || u.Host == "" || u.Opaque != "" {
		return Origin{}, nil, badValue(urlForm, "%q is not a URL with scheme and host", raw)
	}
	if u.User != nil {
		return Origin{}, nil, badValue(urlForm, "URL has user information before the host")
	}

	o := Origin{Scheme: strings.ToLower(u.Scheme)}
	host, verr := parseHost(u.Hostname())
	if verr != nil {
		return Origin{}, nil, verr
	}
	o.Host = host
	o.Port, verr = originPort(u, o.Scheme)
	if verr != nil {
		return Origin{}, nil, verr
	}
	return o, u, nil
}

// originPort is the port that the URL names, or the scheme's.
func originPort(u *url.URL, scheme string) (uint16, *valueError) {
	text := u.Port()
	if text != "" {
		return parsePort(text)
	}
	if strings.HasSuffix(u.Host, ":") {
		return 0, badValue(urlForm, "URL has a colon but no port")
	}
	port, ok := defaultPorts[scheme]
	if !ok {
		return 0, badValue("write scheme://host:port", "the scheme %q has no port of its own", scheme)
	}
	return port, nil
}

// parseRuleURL reads the value of a url condition: an origin and nothing that the kernel could not see.
func parseRuleURL(raw string) (Origin, *valueError) {
	o, u, err := parseOrigin(raw)
	if err != nil {
		return o, err
	}
	if (u.Path != "" && u.Path != "/") || u.RawQuery != "" || u.ForceQuery || strings.Contains(raw, "#") {
		return o, badValue("name only scheme, host and port: "+o.String(),
			"a kernel cannot see a URL path, query or fragment, so a rule cannot depend on one")
	}
	return o, nil
}

// String writes the origin as a URL.
func (o Origin) String() string {
	host := o.Host
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if defaultPorts[o.Scheme] == o.Port {
		return o.Scheme + "://" + host
	}
	return o.Scheme + "://" + host + ":" + strconv.Itoa(int(o.Port))
}

// parsePort reads a port, 1 to 65535, in plain decimal.
func parsePort(text string) (uint16, *valueError) {
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil || n == 0 || text != strconv.FormatUint(n, 10) {
		return 0, badValue("use a number from 1 to 65535", "port %q is not a port", text)
	}
	return uint16(n), nil
}

// protocolNumbers are the protocols that rules can name.
var protocolNumbers = map[string]uint8{"tcp": ProtoTCP, "udp": ProtoUDP, "unix": ProtoUnix}

// parseProtocol reads the name of a protocol.
func parseProtocol(text string) (uint8, *valueError) {
	number, ok := protocolNumbers[text]
	if !ok {
		return 0, badValue("write tcp, udp or unix", "no agent can use the protocol %q", text)
	}
	return number, nil
}

// parseHost reads a DNS name or an IP address and returns it in the one form in which hosts are compared.
func parseHost(text string) (string, *valueError) {
	if addr, err := netip.ParseAddr(text); err == nil {
		if addr.Zone() != "" {
			return "", badValue("leave out the zone", "address %q has a zone", text)
		}
		return addr.Unmap().String(), nil
	}

	host := strings.TrimSuffix(strings.ToLower(text), ".")
	labels := strings.Split(host, ".")
	for _, label := range labels {
		if !validLabel(label) {
			return "", badValue("write a DNS name, in its xn-- form if it is not ASCII, or an IP address",
				"%q is not a host name", text)
		}
	}
	// Resolvers read such names as IPv4 addresses, in more than one way.
	if last := labels[len(labels)-1]; strings.Trim(last, "0123456789") == "" || strings.HasPrefix(last, "0x") {
		return "", badValue("write all four decimal numbers of an IPv4 address", "%q is neither a host name nor an address", text)
	}
	if len(host) > 253 {
		return "", badValue("", "the host name is longer than 253 bytes")
	}
	return host, nil
}

// validLabel says whether s can be one label of a host name, in lower case.
func validLabel(s string) bool {
	if s == "" || len(s) > 63 || s[0] == '-' || s[len(s)-1] == '-' {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '_') {
			return false
		}
	}
	return true
}
