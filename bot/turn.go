package bot

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"procurabot/internal/database"
	"procurabot/internal/outbox"
	"procurabot/internal/schedule"
)

// Turn is one incoming thing, or one piece of due work, and the one transaction
// that does it. Handlers touch nothing but their turn.
type Turn struct {
	Tx       *database.Tx
	In       Incoming
	Member   Member
	Book     Book
	Lang     Language          // of what Reply says
	Args     Args              // of a command
	Value    string            // of a pressed button
	Fields   map[string]string // of a submitted form, trimmed
	State    string            // what Open was given for this form
	Prepared any               // what Prepare gave
	Cut      bool              // the text was longer than MaxText and its end was left out

	engine    *Engine
	key       string // of this turn, so that what it says twice is said once
	said      int
	replied   int
	immediate Immediate
}

// Spot is a place in public that a message can be sent to, now or later. It is
// stored as JSON.
type Spot struct {
	Platform     Platform       `json:"platform"`
	Space        SpaceID        `json:"space,omitempty"`
	Conversation ConversationID `json:"conversation"`
	Answering    MessageID      `json:"answering,omitempty"`
	Language     Language       `json:"language"`
}

// Public reports whether Reply will be read by others than the one who acted.
func (t *Turn) Public() bool { return t.In.Reply == nil && !t.In.In.Private }

// Here is where a public answer to this turn belongs; false in private.
func (t *Turn) Here() (Spot, bool) {
	if !t.Public() || t.In.What == nil {
		return Spot{}, false
	}
	to := t.answer()
	return Spot{to.Platform, to.Space, to.Conversation, to.Answering, t.Lang}, true
}

// Reply says something to whoever acted: by the interaction's own private way,
// in their direct messages, or where they asked in public. It gives the id of
// the row, for a later Edit.
func (t *Turn) Reply(s Say) (string, error) {
	if t.In.What == nil {
		return "", errors.New("reply: due work has nobody to reply to: use Send")
	}
	to := t.answer()
	if to.Reply != nil {
		to.FollowUp = t.replied > 0
	}
	t.replied++
	return t.put(to, s, t.Lang, outbox.Interactive, "")
}

// answer is where Reply goes.
func (t *Turn) answer() Target {
	to := Target{Platform: t.In.From.Platform, Space: t.In.Space, Account: t.In.From, Reply: t.In.Reply}
	if to.Reply != nil {
		return to
	}
	to.Conversation = t.In.In.Conversation
	if !t.In.In.Private {
		if t.In.In.Replies != "" {
			to.Conversation = t.In.In.Replies
		}
		if said, ok := t.In.What.(Said); ok {
			to.Answering = said.Message
		}
	}
	return to
}

// Send says something to a member in private, in their language, on the account
// that they prefer.
func (t *Turn) Send(to MemberID, s Say) (string, error) {
	m, err := t.engine.directory.Member(t.Tx, to)
	if err != nil {
		return "", fmt.Errorf("send: %w", err)
	}
	return t.SendAccount(m.Account, m.Speaks(), s)
}

// SendAccount says something by direct message to one account, where it must
// be that one and that language: an answer to a question asked there.
func (t *Turn) SendAccount(to Account, l Language, s Say) (string, error) {
	return t.put(Target{Platform: to.Platform, Space: to.Realm, Account: to}, s, l, outbox.Personal, "")
}

// Post says something in public.
func (t *Turn) Post(at Spot, s Say) (string, error) {
	return t.put(at.target(), s, at.Language, outbox.Personal, "")
}

// Edit replaces what Post said. It arrives after the original, in its lane.
func (t *Turn) Edit(id string, at Spot, s Say) error {
	_, err := t.put(at.target(), s, at.Language, outbox.Personal, id)
	return err
}

func (s Spot) target() Target {
	return Target{Platform: s.Platform, Space: s.Space, Conversation: s.Conversation, Answering: s.Answering}
}

// Open shows a form to whoever acted. State comes back with the submission and
// is not seen by anyone; fields fills the form in.
func (t *Turn) Open(form, state string, fields map[string]string) error {
	d := draft{id: t.Tx.NewID(), form: form, member: t.Member.ID, state: state, fields: fields}
	if err := saveDraft(t.Tx, d); err != nil {
		return fmt.Errorf("open form: %w", err)
	}
	return t.show(d)
}

func (t *Turn) show(d draft) error {
	form, ok := t.engine.forms[d.form]
	if !ok {
		return fmt.Errorf("open form: there is no form %q", d.form)
	}
	limits, err := t.limits(t.In.From.Platform)
	if err != nil {
		return err
	}
	shown := form.render(t.Book, t.Lang, limits, d)
	t.immediate = Immediate{Form: &shown}
	return nil
}

// Later puts work off. The same key twice is once.
func (t *Turn) Later(w schedule.Work) error {
	if _, err := t.engine.schedule.Later(t.Tx, w); err != nil {
		return fmt.Errorf("put off %s: %w", w.Kind, err)
	}
	return nil
}

// Cancel takes back work that has been put off and not yet been done.
func (t *Turn) Cancel(key string) error {
	if _, err := t.engine.schedule.Cancel(t.Tx, key); err != nil {
		return fmt.Errorf("cancel work: %w", err)
	}
	return nil
}

// Reaches reports whether the bot talks on a platform.
func (t *Turn) Reaches(p Platform) bool { return t.engine.adapters[p] != nil }

// Now is the turn's time: it does not move while the turn lasts.
func (t *Turn) Now() time.Time { return t.Tx.Now() }

// Commands lists all commands, for help.
func (t *Turn) Commands() []CommandInfo { return t.engine.Commands() }

// Do runs a feature's action by its id.
func (t *Turn) Do(action string) error {
	a, ok := t.engine.actions[action]
	if !ok {
		return fmt.Errorf("there is no action %q", action)
	}
	return a.Run(t)
}

func (t *Turn) limits(p Platform) (Limits, error) {
	a, ok := t.engine.adapters[p]
	if !ok {
		return Limits{}, fmt.Errorf("no adapter for platform %q", p)
	}
	return a.Limits(), nil
}

// put renders and stores one message, as several rows where it is too long for
// one. It gives the id of the last row, which carries the buttons.
func (t *Turn) put(to Target, s Say, l Language, class outbox.Class, replaces string) (string, error) {
	limits, err := t.limits(to.Platform)
	if err != nil {
		return "", fmt.Errorf("say %s: %w", s.ID, err)
	}
	var id string
	for i, body := range fit(s.render(t.Book, l), limits) {
		if i > 0 && to.Reply != nil {
			to.FollowUp = true
		}
		if i > 0 && replaces != "" {
			break // an edit is one message: what does not fit is left out
		}
		if id, err = t.enqueue(Outgoing{To: to, Body: body}, class, replaces); err != nil {
			return "", fmt.Errorf("say %s: %w", s.ID, err)
		}
	}
	return id, nil
}

// enqueue stores one row, under a key of this turn, and gives its id. The
// platform must be one that limits knows.
func (t *Turn) enqueue(o Outgoing, class outbox.Class, replaces string) (string, error) {
	payload, err := o.encode()
	if err != nil {
		return "", err
	}
	t.said++
	id, _, err := t.engine.outbox.Put(t.Tx, outbox.Message{
		Key:      t.key + "#" + strconv.Itoa(t.said),
		Route:    string(o.To.Platform),
		Lane:     lane(o.To, class),
		Gate:     t.engine.adapters[o.To.Platform].Gate(o.To),
		Class:    class,
		Payload:  payload,
		Replaces: replaces,
		Unknown:  outbox.Resend,
	})
	return id, err
}

// rewind forgets what a handler said before it was rolled back.
func (t *Turn) rewind() { t.said, t.replied, t.immediate = 0, 0, Immediate{} }
