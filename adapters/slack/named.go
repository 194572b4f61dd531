package slack

import (
	"context"
	"fmt"

	slackgo "github.com/slack-go/slack"

	"procurabot/bot"
)

// names looks whether what the settings name is of this workspace and there: a
// team's id that is copied wrongly leaves the bot without administrators, and
// nothing else says so.
func (a *Adapter) names(ctx context.Context, me *slackgo.AuthTestResponse, named []bot.Named) (checks []bot.Check) {
	for _, n := range named {
		c := bot.Check{Name: n.Setting}
		if s := string(n.Space); s != me.TeamID && (s != me.EnterpriseID || s == "") {
			c.Problem = fmt.Sprintf("it names the workspace %q, and the bot is in %q (%s)", n.Space, me.Team, me.TeamID)
			c.Mend = "write slack:" + me.TeamID + ": before the id"
		} else if n.User != "" {
			c.Name += " " + string(n.User)
			c.Problem, c.Mend = a.nobody(ctx, string(n.User))
		}
		checks = append(checks, c)
	}
	return checks
}

// nobody is why an id is no member's, "" for one that is.
func (a *Adapter) nobody(ctx context.Context, id string) (problem, mend string) {
	const where = "copy the member's id: their profile in Slack, the three dots, Copy member ID"
	u, err := a.api.GetUserInfoContext(ctx, id)
	switch code := refusal(err); {
	case code == "user_not_found" || code == "user_not_visible":
		return "the workspace has no such member", where
	case err != nil:
		return "", "" // what keeps it from being asked is another check's
	case u.Deleted:
		return "this member's account is deactivated", "name somebody who is still there"
	case u.IsBot:
		return "this is a bot", where
	}
	return "", ""
}
