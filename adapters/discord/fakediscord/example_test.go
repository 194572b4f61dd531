package fakediscord_test

import (
	"context"
	"fmt"

	"github.com/bwmarrin/discordgo"

	"procurabot/adapters/discord/fakediscord"
)

func Example() {
	s := fakediscord.New(fakediscord.Options{})
	s.Start()
	defer s.Close()
	guild := s.AddGuild("Les communes", "fr")
	lobby := s.AddChannel(guild.ID, "lobby", fakediscord.Text, 0)
	luc := s.AddUser(fakediscord.User{Name: "luc", Locale: "fr"})

	bot, _ := discordgo.New("Bot " + s.Token())
	bot.Client, bot.Dialer = s.HTTPClient(), s.Dialer()
	bot.AddHandler(func(_ *discordgo.Session, m *discordgo.MessageCreate) {
		if m.Author.ID == luc.ID {
			_, _ = bot.ChannelMessageSendReply(m.ChannelID, "Bonjour !", m.Reference())
		}
	})
	_ = bot.Open()
	defer bot.Close()

	ctx := context.Background()
	_, _ = s.Say(ctx, luc.ID, lobby.ID, s.Mention()+" bonjour", "")
	_ = s.Await(ctx, func() bool { return len(s.Messages(lobby.ID)) == 2 })
	fmt.Println(s.Messages(lobby.ID)[1].Content)
	// Output: Bonjour !
}
