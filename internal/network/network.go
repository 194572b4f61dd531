// Package network says in plain words what lies between this machine and a
// platform: a proxy, a certificate, a name that is not found. Whoever runs the
// bot in a network of a public authority meets these first.
package network

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
)

// Platform is whom a request was for.
type Platform struct {
	Name string // "Slack", "Discord (gateway.discord.gg)"
	// Allow is what a network must let through, after "let this machine reach".
	Allow string
}

// Why says why a request got no answer, and what to do about it. The error is
// not quoted: it may hold the password of a proxy, or the ticket of a socket.
func (p Platform) Why(err error) (problem, mend string) {
	var (
		authority    x509.UnknownAuthorityError
		host         x509.HostnameError
		verification *tls.CertificateVerificationError
		invalid      x509.CertificateInvalidError
		lookUp       *net.DNSError
		operation    *net.OpError
		slow         net.Error
	)
	switch {
	case errors.As(err, &authority):
		return "the certificate shown for " + p.Name + " is of an authority that this machine does not know: your network looks into connections with a certificate of its own",
			"put the certificate of your network's authority into a file, as PEM, and name the file in PROCURABOT_CA_FILE"
	case errors.As(err, &host):
		return "the certificate shown for " + p.Name + " is for another name: something else answers", p.Blocked()
	case errors.As(err, &invalid), errors.As(err, &verification):
		return "the certificate shown for " + p.Name + " is not valid, or this machine's clock is wrong",
			"check the clock and, where your network looks into connections, the certificate of its authority in PROCURABOT_CA_FILE"
	case says(err, "invalid proxy address"):
		return "the proxy's address is none", "check HTTPS_PROXY: it looks like http://proxy.example.org:3128"
	case errors.As(err, &operation) && operation.Op == "proxyconnect":
		return "the proxy cannot be reached", "check its address in HTTPS_PROXY, for example http://proxy.example.org:3128"
	case says(err, http.StatusText(http.StatusProxyAuthRequired)):
		return "the proxy asks for a name and a password", "write them into HTTPS_PROXY: http://NAME:PASSWORD@proxy.example.org:3128"
	case says(err, http.StatusText(http.StatusForbidden)):
		return "the proxy does not let this through", p.Blocked()
	case errors.As(err, &lookUp):
		return fmt.Sprintf("the name %s is not found", lookUp.Name), "check the machine's name servers; where only a proxy looks names up, name it in HTTPS_PROXY"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &slow) && slow.Timeout():
		return p.Name + " gives no answer in time", p.Blocked()
	}
	return p.Name + " cannot be reached", p.Blocked()
}

// Blocked is what to do where something on the way lets nothing through.
func (p Platform) Blocked() string {
	return "have the firewall of your network let this machine reach " + p.Allow + ", or name the proxy to use in HTTPS_PROXY, and in NO_PROXY what it is not for"
}

// says looks into an error of the standard library that has no type.
func says(err error, words string) bool { return err != nil && strings.Contains(err.Error(), words) }
