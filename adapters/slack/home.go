package slack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	slackgo "github.com/slack-go/slack"

	"procurabot/bot"
	"procurabot/internal/outbox"
)

// What the home page holds (https://docs.slack.dev/reference/views/home-tab-views,
// https://docs.slack.dev/reference/methods/views.publish#errors).
const (
	mostHomeBlocks = 100
	maxHome        = 240_000 // bytes of the blocks; Slack takes 250 kB of a view
)

// publish puts a home page in the place of what the person's showed. It is the
// same page however often it is published, and has no id that anybody needs.
func (a *Adapter) publish(ctx context.Context, e bot.Envelope) error {
	if e.To.Account.User == "" {
		return &outbox.Permanent{Err: errors.New("views.publish: the home page is nobody's")}
	}
	set, err := homeBlocks(e.Home)
	if err != nil {
		return &outbox.Permanent{Err: fmt.Errorf("views.publish: %w", err)}
	}
	ctx, reach := watch(ctx)
	_, err = a.api.PublishViewContext(ctx, slackgo.PublishViewContextRequest{
		UserID: string(e.To.Account.User), View: slackgo.HomeTabViewRequest{Type: slackgo.VTHomeTab, Blocks: slackgo.Blocks{BlockSet: set}},
	})
	return a.outcome(e.To, "views.publish", reach, err)
}

// homeBlocks draws the sections one below the other, as many as fit.
func homeBlocks(sections []bot.Body) ([]slackgo.Block, error) {
	set := []slackgo.Block{} // an empty page has a list too
	size := 0
	for _, section := range sections {
		for _, block := range blocks(section) {
			raw, err := json.Marshal(block)
			if err != nil {
				return nil, err
			}
			if size += len(raw) + 1; size > maxHome || len(set) == mostHomeBlocks {
				return set, nil
			}
			set = append(set, block)
		}
	}
	return set, nil
}
