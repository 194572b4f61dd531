// Package schedule does what is due: slots, which come again and again, and work, which is due once. It knows nothing of
// what is done.
//
// # Words
//
// A slot has a name and a rule that gives its occurrences ([Every], [Daily], or any function of the time alone). Work has
// a key, a kind that says which function does it, and a payload. Both are done inside the transaction that marks them as
// done.
//
// # Guarantees
//
//   - An occurrence, and work, is done once: what it writes and the mark are one commit. A process that stops before the
//     commit has done nothing, after it everything.
//   - Nothing is done before its time.
//   - A slot that missed occurrences, because the process was down, runs once, with the time of the latest. A slot that is
//     seen for the first time begins with its next occurrence. The row remembers up to when occurrences are done, not when
//     the next one is: a rule that changes takes effect at once, and a clock that is set back repeats nothing.
//   - What fails is undone and tried again with growing pauses. Work that keeps failing is marked failed, an occurrence of
//     a slot is given up, both with a reason for the operator ([Schedule.Faults]). Nothing else waits for it.
//   - Work of a kind that the program does not know waits until one does.
//
// # Text of members
//
// The payload of work is blanked in the commit that does it, and deleted with it by Cancel and Forget.
package schedule
