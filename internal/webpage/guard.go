package webpage

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// maxPost is how many bytes one request may have: five fields of 3000
// characters, encoded, are less.
const maxPost = 256 << 10

// Guard lets only the page itself act, bounds what it may send, sets what every
// answer carries, and turns away names: a foreign name that resolves to this
// machine would make its page one of our own (DNS rebinding), while an address
// cannot be rebound.
func Guard(next http.Handler) http.Handler {
	next = http.NewCrossOriginProtection().Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		if !local(q.Host) {
			http.Error(w, "open this page by the address of the machine, such as http://127.0.0.1, or as localhost", http.StatusMisdirectedRequest)
			return
		}
		q.Body = http.MaxBytesReader(w, q.Body, maxPost)
		next.ServeHTTP(w, q)
	})
}

func local(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	_, err := netip.ParseAddr(host)
	return err == nil || strings.EqualFold(host, "localhost")
}
