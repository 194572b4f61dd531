package slack

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	slackgo "github.com/slack-go/slack"

	"procurabot/bot"
)

// unreached says in plain words why a request did not reach Slack, or was not
// answered by it. The error itself is not quoted: it may hold the password of a
// proxy, or the ticket of a socket.
func unreached(name string, err error) bot.Check {
	c := bot.Check{Name: name}
	const allow = "have your network let this machine reach https://slack.com and https://*.slack.com, WebSockets (wss) included, " +
		"or name the proxy to use in HTTPS_PROXY, and in NO_PROXY what it is not for"
	var (
		limited   *slackgo.RateLimitedError
		status    slackgo.StatusCodeError
		syntax    *json.SyntaxError
		authority x509.UnknownAuthorityError
		host      x509.HostnameError
		invalid   x509.CertificateInvalidError
		lookUp    *net.DNSError
		operation *net.OpError
		slow      net.Error
	)
	switch {
	case errors.As(err, &limited):
		c.Problem, c.Optional = "Slack has been asked too often to answer now", true
		c.Mend = fmt.Sprintf("look again in %s", max(limited.RetryAfter, time.Second))
	case errors.As(err, &status) && status.Code >= http.StatusInternalServerError:
		c.Problem = fmt.Sprintf("Slack answers with status %d", status.Code)
		c.Mend = "look at https://slack-status.com, and again later; where a proxy is used, it may be the proxy that answers"
	case errors.As(err, &status):
		c.Problem = fmt.Sprintf("something answers in Slack's place, with status %d: a proxy that asks for a login, or does not let this through", status.Code)
		c.Mend = allow
	case errors.As(err, &syntax):
		c.Problem, c.Mend = "a page comes in the place of Slack's answer: a proxy that asks for a login, or does not let this through", allow
	case errors.As(err, &authority):
		c.Problem = "the certificate shown for Slack is of an authority that this machine does not know: your network looks into connections with a certificate of its own"
		c.Mend = "put the certificate of your network's authority into a file, as PEM, and name the file in PROCURABOT_CA_FILE"
	case errors.As(err, &host):
		c.Problem, c.Mend = "the certificate shown for Slack is for another name: something else answers", allow
	case errors.As(err, &invalid):
		c.Problem = "the certificate shown for Slack is not valid, or this machine's clock is wrong"
		c.Mend = "check the clock and, where your network looks into connections, the certificate of its authority in PROCURABOT_CA_FILE"
	case errors.As(err, &operation) && operation.Op == "proxyconnect":
		c.Problem, c.Mend = "the proxy cannot be reached", "check its address in HTTPS_PROXY, for example http://proxy.example.org:3128"
	case says(err, http.StatusText(http.StatusProxyAuthRequired)):
		c.Problem, c.Mend = "the proxy asks for a name and a password", "write them into HTTPS_PROXY: http://NAME:PASSWORD@proxy.example.org:3128"
	case says(err, http.StatusText(http.StatusForbidden)):
		c.Problem, c.Mend = "the proxy does not let this through", allow
	case says(err, "invalid proxy address"):
		c.Problem, c.Mend = "the proxy's address is none", "check HTTPS_PROXY: it looks like http://proxy.example.org:3128"
	case errors.As(err, &lookUp):
		c.Problem = fmt.Sprintf("the name %s is not found", lookUp.Name)
		c.Mend = "check the machine's name servers; where only a proxy looks names up, name it in HTTPS_PROXY"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &slow) && slow.Timeout():
		c.Problem, c.Mend = "there was no answer in time", allow
	default:
		c.Problem, c.Mend = "Slack cannot be reached", allow
	}
	return c
}

// says looks into an error of the standard library that has no type.
func says(err error, words string) bool { return strings.Contains(err.Error(), words) }
