package slack

// Ready reports whether Slack is received from.
func (a *Adapter) Ready() bool { return a.self.Load() != nil }
