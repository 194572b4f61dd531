package discord

// Ready reports whether Discord is received from.
func (a *Adapter) Ready() bool { return a.running.Load() != nil }
