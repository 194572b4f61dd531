// Package bot is the engine and the words that all of Procurabot shares.
//
// An adapter decodes what happened on its platform into an [Incoming] and hands
// it to [Engine.Receive]. The engine routes it to a [Feature], opens a [Turn]
// (one incoming thing and the one transaction that answers it), and the
// feature's handler says what is to be said: a message id and values, never a
// sentence. What is said becomes a row of the outbox in the reader's language,
// an [Outgoing], which the adapter sends once the transaction has committed.
//
//	platform ── Incoming ──▶ Receive ──▶ Turn{Tx, Member, In} ──▶ handler
//	                                      │  Reply, Send, Edit, Open, Later
//	                                      ▼
//	         seen mark + change + outbox rows + due work: one commit
//	                                      │
//	platform ◀── Adapter.Send ◀── outbox ◀┘        then the adapter acknowledges
//
// Guarantees:
//
//   - A thing delivered several times has the effect of one: its id is marked
//     in the commit that holds its effect.
//   - What Receive returned without an error is stored. When it returns an
//     error nothing is, and the adapter does not acknowledge.
//   - A handler that returns a [Refusal] has changed nothing and the member is
//     told why. Any other error is a fault: everything is rolled back, the
//     member reads an apology with a reference, and the log has the rest.
//   - Handlers do no I/O and touch nothing but their transaction, so that they
//     can be run again.
//   - No text of a person leaves unescaped: values are [Data], [Marked] or
//     [Formatted], and only the first can hold what people wrote.
package bot
