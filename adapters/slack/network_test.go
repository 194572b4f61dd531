package slack_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"procurabot/adapters/slack"
	"procurabot/adapters/slack/fakeslack"
	"procurabot/bot"
)

// authority makes a certificate for a name that nobody but its pool trusts.
func authority(t *testing.T, host string) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	about := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Authority of a network"}, DNSNames: []string{host},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, about, about, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	known, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(known)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

// proxy is the one way from a network to Slack.
type proxy struct {
	address *url.URL
	refuses atomic.Int32 // with this status

	mu    sync.Mutex
	asked []string // host and port, by CONNECT
}

func newProxy(t *testing.T, dial func(ctx context.Context, network, address string) (net.Conn, error)) *proxy {
	t.Helper()
	p := &proxy{}
	var tunnels sync.WaitGroup
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		p.asked = append(p.asked, r.Method+" "+r.Host)
		p.mu.Unlock()
		if status := p.refuses.Load(); status != 0 {
			w.WriteHeader(int(status))
			return
		}
		out, err := dial(r.Context(), "tcp", r.Host)
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		in, sent, err := http.NewResponseController(w).Hijack()
		if err != nil {
			_ = out.Close()
			return
		}
		tunnel := func(to net.Conn, from io.Reader) {
			_, _ = io.Copy(to, from)
			_ = to.Close()
		}
		_, _ = io.WriteString(in, "HTTP/1.1 200 Connection established\r\n\r\n")
		tunnels.Go(func() { tunnel(out, sent) }) // with what the server has read already
		tunnels.Go(func() { tunnel(in, out) })
	}))
	t.Cleanup(tunnels.Wait)
	t.Cleanup(server.Close)
	address, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	p.address = address
	return p
}

// Everything goes through the proxy and trusts the network's own authority: the
// Web API, response URLs, and the sockets, for which nobody gave a dialer.
func TestAProxyAndAPrivateAuthority(t *testing.T) {
	s := fakeslack.New(fakeslack.Options{Scopes: granted(t)})
	certificate, pool := authority(t, s.Hostname())
	if err := s.StartTLS(&tls.Config{Certificates: []tls.Certificate{certificate}}); err != nil {
		t.Fatal(err)
	}
	p := newProxy(t, s.Dial)
	t.Cleanup(s.Close)
	luc := s.AddUser(fakeslack.User{Name: "luc"})
	lobby := s.AddChannel(fakeslack.Channel{Name: "lobby", BotIsMember: true, Members: []string{luc.ID}})

	transport := &http.Transport{Proxy: http.ProxyURL(p.address), TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true}
	t.Cleanup(transport.CloseIdleConnections)
	a, err := slack.New(slack.Options{BotToken: s.BotToken(), AppToken: s.AppToken(), APIURL: s.URL(), HTTPClient: &http.Client{Transport: transport}})
	if err != nil {
		t.Fatal(err)
	}
	if found := wrong(a.Diagnose(t.Context(), nil, bot.ConversationID(lobby.ID))); len(found) > 0 {
		t.Errorf("found %+v", found)
	}
	if a.Ready() {
		t.Error("it is ready before Run")
	}
	e := &engine{}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx, e) }()
	opened, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := s.WaitOpened(opened, slack.Connections+1); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Command(t.Context(), luc.ID, lobby.ID, "/procura", "hello"); err != nil {
		t.Fatal(err)
	}
	if !a.Ready() {
		t.Error("it is not ready though it hears")
	}
	in := e.last(t)
	for name, to := range map[string]bot.Target{
		"response URL": {Platform: "slack", Space: in.Space, Account: in.From, Reply: in.Reply},
		"direct":       {Platform: "slack", Space: in.Space, Account: in.From},
	} {
		if _, err := a.Send(t.Context(), bot.Envelope{ID: "row", Outgoing: bot.Outgoing{To: to, Body: bot.Body{Text: "hello"}}}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if a.Ready() {
		t.Error("it is ready after Run")
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	// The look and the two sockets, at least one connection for requests.
	if len(p.asked) < slack.Connections+2 {
		t.Errorf("the proxy was asked for %q", p.asked)
	}
	for _, asked := range p.asked {
		if asked != "CONNECT "+s.Hostname()+":443" {
			t.Errorf("the proxy was asked for %q", asked)
		}
	}
}

// What keeps Slack from being reached is named, with the setting that mends it.
func TestDiagnoseNamesWhatIsInTheWay(t *testing.T) {
	s := fakeslack.New(fakeslack.Options{Scopes: granted(t)})
	certificate, pool := authority(t, s.Hostname())
	other, _ := authority(t, "elsewhere.invalid")
	if err := s.StartTLS(&tls.Config{Certificates: []tls.Certificate{certificate}}); err != nil {
		t.Fatal(err)
	}
	p := newProxy(t, s.Dial)
	t.Cleanup(s.Close)
	trusting := &tls.Config{RootCAs: pool}
	fails := func(err error) *http.Transport {
		return &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return nil, err }}
	}
	foreign := fakeslack.New(fakeslack.Options{})
	if err := foreign.StartTLS(&tls.Config{Certificates: []tls.Certificate{other}}); err != nil {
		t.Fatal(err)
	}
	astray := newProxy(t, foreign.Dial)
	t.Cleanup(foreign.Close)
	mixed := x509.NewCertPool()
	mixed.AddCert(must(x509.ParseCertificate(other.Certificate[0])))
	password := &url.URL{Scheme: "http", User: url.UserPassword("luc", "ossifrage"), Host: p.address.Host}
	for name, test := range map[string]struct {
		transport     *http.Transport
		refuses       int
		problem, mend string
	}{
		"an authority of the network": {&http.Transport{Proxy: http.ProxyURL(p.address)}, 0, "an authority that this machine does not know", "PROCURABOT_CA_FILE"},
		"another's certificate":       {&http.Transport{Proxy: http.ProxyURL(astray.address), TLSClientConfig: &tls.Config{RootCAs: mixed}}, 0, "for another name", "HTTPS_PROXY"},
		"a certificate that is over": {&http.Transport{Proxy: http.ProxyURL(p.address), TLSClientConfig: &tls.Config{
			RootCAs: pool, Time: func() time.Time { return time.Now().Add(48 * time.Hour) },
		}}, 0, "is not valid", "clock"},
		"no proxy": {&http.Transport{Proxy: http.ProxyURL(&url.URL{Scheme: "http", Host: "127.0.0.1:1"})}, 0, "the proxy cannot be reached", "HTTPS_PROXY"},
		"a proxy that asks": {
			&http.Transport{Proxy: http.ProxyURL(password), TLSClientConfig: trusting}, 407, "a name and a password", "NAME:PASSWORD",
		},
		"a proxy that refuses": {&http.Transport{Proxy: http.ProxyURL(p.address), TLSClientConfig: trusting}, 403, "does not let this through", "https://*.slack.com"},
		"a proxy that is none": {&http.Transport{Proxy: func(*http.Request) (*url.URL, error) {
			return nil, errors.New(`invalid proxy address "http://luc:ossifrage@"`)
		}}, 0, "address is none", "HTTPS_PROXY"},
		"no name":   {fails(&net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", Name: s.Hostname(), IsNotFound: true}}), 0, "the name slack.invalid is not found", "name servers"},
		"no answer": {fails(context.DeadlineExceeded), 0, "no answer in time", "HTTPS_PROXY"},
		"no way":    {fails(errors.New("ossifrage")), 0, "Slack cannot be reached", "HTTPS_PROXY"},
	} {
		t.Run(name, func(t *testing.T) {
			p.refuses.Store(int32(test.refuses))
			t.Cleanup(test.transport.CloseIdleConnections)
			a, err := slack.New(slack.Options{BotToken: s.BotToken(), AppToken: s.AppToken(), APIURL: s.URL(), HTTPClient: &http.Client{Transport: test.transport}})
			if err != nil {
				t.Fatal(err)
			}
			checks := a.Diagnose(t.Context(), nil)
			if len(checks) != 1 || !strings.Contains(checks[0].Problem, test.problem) || !strings.Contains(checks[0].Mend, test.mend) || checks[0].Optional {
				t.Errorf("found %+v", checks)
			}
			if strings.Contains(checks[0].Problem+checks[0].Mend, "ossifrage") {
				t.Errorf("%+v quotes an error", checks[0])
			}
		})
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
