package discord_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"procurabot/adapters/discord"
	"procurabot/bot"
)

// authority is a private one, as of a network whose proxy reads along.
func authority(t *testing.T) (*x509.CertPool, *tls.Config) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Network of communes"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(certificate)
	return pool, &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
}

// proxy carries what is asked for by CONNECT, and counts it.
type proxy struct {
	*httptest.Server
	refuses atomic.Bool
	tunnels atomic.Int64
}

func newProxy(t *testing.T) *proxy {
	p := &proxy{}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect || p.refuses.Load() {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		there, err := net.Dial("tcp", r.Host)
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		here, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		p.tunnels.Add(1)
		_, _ = io.WriteString(here, "HTTP/1.1 200 Connection established\r\n\r\n")
		go func() { _, _ = io.Copy(there, here); there.Close() }()
		go func() { _, _ = io.Copy(here, there); here.Close() }()
	}))
	t.Cleanup(p.Close)
	return p
}

func (p *proxy) address(*http.Request) (*url.URL, error) { return url.Parse(p.URL) }

// A network lets only its proxy out, and its proxy shows certificates of its own.
func TestAProxyAndAPrivateAuthority(t *testing.T) {
	pool, certificates := authority(t)
	s := newScene(t)
	s.must(s.StartTLS("127.0.0.1:0", certificates))
	p := newProxy(t)
	reach := func(trusted *x509.CertPool) *discord.Adapter {
		t.Helper()
		transport := &http.Transport{Proxy: p.address, TLSClientConfig: &tls.Config{RootCAs: trusted}}
		t.Cleanup(transport.CloseIdleConnections)
		a, err := discord.New(discord.Options{
			BotToken: s.Token(), APIURL: s.URL(), HTTPClient: &http.Client{Transport: transport},
			Dialer: &websocket.Dialer{Proxy: p.address, TLSClientConfig: &tls.Config{RootCAs: trusted}},
		})
		s.must(err)
		return a
	}

	t.Run("both are known", func(t *testing.T) {
		a := reach(pool)
		ctx, stop := context.WithCancel(s.ctx)
		ended := make(chan error, 1)
		go func() { ended <- a.Run(ctx, s.engine) }()
		s.must(s.WaitConnected(s.ctx))
		s.lucSays("through two walls")
		s.hears()
		s.must(second(a.Send(s.ctx, s.envelope(s.lobby(), "and back"))))
		if n := p.tunnels.Load(); n < 2 {
			t.Errorf("%d tunnels were opened, want one for requests and one for the Gateway", n)
		}
		stop()
		s.must(<-ended)
		for _, c := range a.Diagnose(s.ctx, nil) {
			if c.Problem != "" {
				t.Errorf("%+v", c)
			}
		}
	})
	t.Run("the authority is not known", func(t *testing.T) {
		finds(t, reach(x509.NewCertPool()).Diagnose(s.ctx, nil), "connection", false, "authority that this machine does not know", "PROCURABOT_CA_FILE")
	})
	t.Run("the proxy refuses", func(t *testing.T) {
		p.refuses.Store(true)
		finds(t, reach(pool).Diagnose(s.ctx, nil), "connection", false, "proxy", "HTTPS_PROXY")
	})
	t.Run("the proxy is gone", func(t *testing.T) {
		p.Close()
		finds(t, reach(pool).Diagnose(s.ctx, nil), "connection", false, "proxy", "HTTPS_PROXY")
	})
}

func TestNamesThatAreNotFound(t *testing.T) {
	fails := func(err error) *http.Client {
		return &http.Client{Transport: &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return nil, err }}}
	}
	for name, test := range map[string]struct {
		err  error
		says []string
	}{
		"no such name":      {&net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", Name: "discord.com", IsNotFound: true}}, []string{"name discord.com is not found", "name servers"}},
		"nobody listens":    {&net.OpError{Op: "dial", Err: io.EOF}, []string{"cannot be reached", "firewall"}},
		"it takes for ever": {context.DeadlineExceeded, []string{"Discord (discord.com) gives no answer in time", "firewall"}},
	} {
		t.Run(name, func(t *testing.T) {
			a, err := discord.New(discord.Options{BotToken: "a.b.c", HTTPClient: fails(test.err)})
			if err != nil {
				t.Fatal(err)
			}
			finds(t, a.Diagnose(t.Context(), nil), "connection", false, test.says...)
		})
	}
}

// finds wants one problem alone, of this name, with these words in it.
func finds(t *testing.T, checks []bot.Check, name string, optional bool, words ...string) {
	t.Helper()
	var found []bot.Check
	for _, c := range checks {
		if c.Problem != "" {
			found = append(found, c)
		}
	}
	if len(found) != 1 || found[0].Name != name || found[0].Optional != optional || found[0].Mend == "" {
		t.Errorf("found %+v, want one problem of %q", found, name)
		return
	}
	for _, w := range words {
		if !strings.Contains(found[0].Problem+"\n"+found[0].Mend, w) {
			t.Errorf("%q is not said: %+v", w, found[0])
		}
	}
}

// A proxy's address may hold a password, also where it is no address.
func TestAProxysPasswordIsNotSaid(t *testing.T) {
	s := newScene(t)
	a, err := discord.New(discord.Options{BotToken: s.Token(), APIURL: s.URL(), HTTPClient: &http.Client{Transport: &http.Transport{
		Proxy: func(*http.Request) (*url.URL, error) {
			return nil, errors.New(`invalid proxy address "name:hunter2@proxy:port": parse "name:hunter2@proxy:port": first path segment in URL cannot contain colon`)
		},
	}}})
	s.must(err)
	checks := a.Diagnose(s.ctx, nil)
	finds(t, checks, "connection", false, "proxy", "HTTPS_PROXY")
	if said := fmt.Sprint(checks); strings.Contains(said, "hunter2") {
		t.Errorf("the password is said: %s", said)
	}
}
