package slack

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	slackgo "github.com/slack-go/slack"

	"procurabot/bot"
	"procurabot/internal/network"
)

// unreached says in plain words why a request did not reach Slack, or was not
// answered by it.
func unreached(name string, err error) bot.Check {
	c := bot.Check{Name: name}
	there := network.Platform{Name: "Slack", Allow: "https://slack.com and https://*.slack.com, WebSockets (wss) included"}
	var (
		limited *slackgo.RateLimitedError
		status  slackgo.StatusCodeError
		syntax  *json.SyntaxError
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
		c.Mend = there.Blocked()
	case errors.As(err, &syntax):
		c.Problem, c.Mend = "a page comes in the place of Slack's answer: a proxy that asks for a login, or does not let this through", there.Blocked()
	default:
		c.Problem, c.Mend = there.Why(err)
	}
	return c
}
