package slack

import (
	"strconv"
	"strings"

	slackgo "github.com/slack-go/slack"
	"github.com/slack-go/slack/slackutilsx"

	"procurabot/bot"
	"procurabot/internal/markup"
)

// blocks draws a message: its text, its small print, its buttons.
func blocks(b bot.Body) []slackgo.Block {
	var all []slackgo.Block
	if text := markup.Slack(b.Text); text != "" {
		all = append(all, slackgo.NewSectionBlock(mrkdwn(text), nil, nil))
	}
	if note := markup.Slack(b.Note); note != "" {
		all = append(all, slackgo.NewContextBlock("", mrkdwn(note)))
	}
	if len(b.Buttons) == 0 {
		return all
	}
	var buttons []slackgo.BlockElement
	for i, button := range b.Buttons {
		e := slackgo.NewButtonBlockElement(actionID(i, button.ID), button.Value, plain(button.Label))
		buttons = append(buttons, e.WithStyle(slackgo.Style(button.Style)))
	}
	return append(all, slackgo.NewActionBlock("", buttons...))
}

// mrkdwn is text in which nothing but what markup wrote has a meaning: without
// verbatim, names and addresses come alive by themselves
// (https://docs.slack.dev/reference/block-kit/composition-objects/text-object).
func mrkdwn(text string) *slackgo.TextBlockObject {
	return slackgo.NewTextBlockObject(slackgo.MarkdownType, text, false, true)
}

// actionID tells buttons of one id apart: an action id must be unique in its
// block (https://docs.slack.dev/reference/block-kit/block-elements/button-element).
func actionID(i int, button string) string { return strconv.Itoa(i) + ":" + button }

// buttonID takes actionID apart; false is no button of ours.
func buttonID(actionID string) (string, bool) {
	_, button, ok := strings.Cut(actionID, ":")
	return button, ok && button != ""
}

// fallback is the message as one plain text. Notifications show it and screen
// readers read it *instead of* the blocks, so it holds all that is said
// (https://docs.slack.dev/reference/methods/chat.postMessage#arg_text).
func fallback(b bot.Body) string {
	text := markup.Plain(b.Text)
	if b.Note != "" {
		text = strings.TrimPrefix(text+"\n"+markup.Plain(b.Note), "\n")
	}
	escaped := slackutilsx.EscapeMessage(text)
	if markup.Length(escaped) > maxUpdate {
		// An escape is up to five characters long; cutting one in two would show it.
		escaped = slackutilsx.EscapeMessage(markup.Cut(text, maxUpdate/5, "…"))
	}
	return escaped
}
