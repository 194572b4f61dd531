// Package outbox carries messages to receivers that may be slow, refuse, ask to wait, or take a message and never say
// so. It knows nothing of what is in a message.
//
// # Words
//
// A message is a row, put in by the transaction that decided on it, so that neither exists without the other. Its key
// makes putting it twice the same as once. A lane keeps its messages in order: only its first open message, the head,
// may be in flight. Lanes do not wait for each other; they compete by class, then by due time, then by id. A gate is a
// path ("slack/T1/chat.postMessage") that the receiver may ask to hold: a hold on "slack/T1" holds all below it. A route
// names the [Sender] that carries the message. A letter is a message that became dead or held: it has a number by which
// people name it, and keeps it until it is forgotten.
//
// # Life of a message
//
//	Put --> pending --claim--> sending --accepted--> sent
//	           ^                  |
//	           |                  |-- Permanent, or attempts used up --> dead
//	           |--- Retry --------|
//	           |                  '-- Uncertain, any other error, lease over --.
//	           |                                                              v
//	           |--- ErrAbsent, or ErrUnknowable and Resend --- asking <--- uncertain
//	           |                                                |  |          ^
//	           '-- past Expires --> expired                     |  '- Retry --'
//	                                                            |- found --> sent
//	                                                            '- ErrUnknowable and Hold --> held
//
//	dead, held --Resend--> pending, at the end of its lane
//	           '-Discard-> expired
//
// pending, sending, uncertain and asking are open: the lane waits for them. sent, dead, held and expired are ends, and
// never hold up a lane. An expired message is not sent again from uncertain either: absent then leads to expired.
//
// [HoldOpen] leads from every open state to held: for a copy of the database that is brought back.
//
// A claim (sending, asking) has an owner, a token made anew for every claim, and a lease. What was found out is written
// only where the owner still matches, so a claimant that slept through its lease cannot write over its successor.
//
// # Guarantees
//
//   - Nothing put is lost: each message ends as sent, or as dead, held or expired with the reason.
//   - Messages of one lane are sent in the order in which they were put.
//   - Nothing is sent before its due time, before a retry's time, or while its gate is held, also after a restart. What
//     is in flight when a hold arrives is not called back.
//   - Nothing is claimed for sending at or after Expires.
//   - A message is sent again only after the receiver said that it did not arrive, or cannot say and the message's
//     policy is [Resend], or after a person said so by [Outbox.Resend]. With a receiver that can answer [Sender.Find], once; else at least once, or with [Hold] at
//     most once.
//
// # Where the process may stop
//
//	before the claim's commit            pending, as if nothing had happened
//	between claim and send               the lease ends, or the next sole owner takes it back: uncertain, asked, absent, sent
//	between send and settling            the same way: uncertain, asked, found: sent once. Unknowable: Resend may give a
//	                                     second copy, Hold leaves it to a person
//	after settling                       sent; nothing happens again
//
// An outcome that cannot be written, because the disk is full, is kept in memory and written by a later Step.
//
// # Text of members
//
// The payload is blanked in the commit that ends a message as sent or expired: nobody needs it any more, an edit brings
// its own. Dead and held messages keep theirs for the person who decides about them, until [Outbox.Forget].
package outbox
