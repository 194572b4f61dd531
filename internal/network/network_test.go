package network_test

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"testing"

	"procurabot/internal/network"
)

// What is in the way is named with the setting that mends it, and the error,
// which may hold a password, is not said.
func TestWhy(t *testing.T) {
	const secret = "ossifrage"
	p := network.Platform{Name: "Chat", Allow: "https://chat.example"}
	for name, test := range map[string]struct {
		err           error
		problem, mend string
	}{
		"authority":      {x509.UnknownAuthorityError{}, "does not know", "PROCURABOT_CA_FILE"},
		"name":           {x509.HostnameError{Certificate: &x509.Certificate{}, Host: secret}, "for another name", "https://chat.example"},
		"over":           {x509.CertificateInvalidError{Reason: x509.Expired, Detail: secret}, "not valid", "clock"},
		"proxy is none":  {errors.New(`invalid proxy address "http://luc:` + secret + `@"`), "address is none", "HTTPS_PROXY"},
		"proxy away":     {&net.OpError{Op: "proxyconnect", Err: errors.New(secret)}, "proxy cannot be reached", "HTTPS_PROXY"},
		"proxy asks":     {errors.New("Proxy Authentication Required " + secret), "name and a password", "NAME:PASSWORD"},
		"proxy refuses":  {errors.New("Forbidden " + secret), "does not let this through", "https://chat.example"},
		"no name":        {&net.DNSError{Name: "chat.example", Err: secret}, "chat.example is not found", "name servers"},
		"too slow":       {context.DeadlineExceeded, "Chat gives no answer in time", "NO_PROXY"},
		"something else": {errors.New(secret), "Chat cannot be reached", "HTTPS_PROXY"},
		"nothing said":   {nil, "Chat cannot be reached", "HTTPS_PROXY"},
	} {
		err := test.err
		if err != nil {
			err = fmt.Errorf("ask: %w", &url.Error{Op: "Get", URL: "wss://luc:" + secret + "@chat.example:8443/link?ticket=" + secret, Err: err})
		}
		problem, mend := p.Why(err)
		if !strings.Contains(problem, test.problem) || !strings.Contains(mend, test.mend) {
			t.Errorf("%s: %q, %q", name, problem, mend)
		}
		if strings.Contains(problem+mend, secret) {
			t.Errorf("%s: the error is said: %q, %q", name, problem, mend)
		}
	}
}
