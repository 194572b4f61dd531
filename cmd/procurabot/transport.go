package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/gorilla/websocket"
)

// readRoots adds the certificates of a file to the system's: of an authority's
// own proxy that looks into what goes out.
func readRoots(path string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("the certificates cannot be read: %w", err)
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		return nil, fmt.Errorf("the system's certificates cannot be read: %w", err)
	}
	if !roots.AppendCertsFromPEM(pem) {
		return nil, errors.New("the file holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)")
	}
	return roots, nil
}

// transport carries all requests: by HTTPS_PROXY and NO_PROXY, and trusting
// what the settings add.
func (c config) transport() *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.TLSClientConfig = &tls.Config{RootCAs: c.roots}
	t.MaxIdleConnsPerHost = workers // else all but two connect anew for each message, where there is no HTTP/2
	return t
}

// dialer opens Discord's socket in the same way. Slack's adapter makes its own
// from the transport.
func (c config) dialer() *websocket.Dialer {
	return &websocket.Dialer{Proxy: http.ProxyFromEnvironment, TLSClientConfig: &tls.Config{RootCAs: c.roots}, HandshakeTimeout: 20 * time.Second}
}
