package database

import (
	"crypto/rand"
	"encoding/binary"
	"sync"
	"time"
)

// alphabet is Crockford's base32 in lower case: in ASCII order, without i, l, o and u. https://www.crockford.com/base32.html
const alphabet = "0123456789abcdefghjkmnpqrstvwxyz"

const randomBits = 52

// idSource makes ids: a number of 100 bits, written with five bits a character.
type idSource struct {
	now    func() time.Time
	random func() uint64

	mu     sync.Mutex
	millis uint64 // 48 bits
	rest   uint64 // 52 bits
}

func (s *idSource) next() string {
	millis := uint64(max(s.now().UnixMilli(), 0)) & (1<<48 - 1)
	s.mu.Lock()
	defer s.mu.Unlock()
	if millis > s.millis {
		s.millis, s.rest = millis, s.random()&(1<<randomBits-1)
	} else if s.rest++; s.rest == 1<<randomBits {
		s.millis, s.rest = s.millis+1, 0
	}
	return encodeID(s.millis, s.rest)
}

func encodeID(millis, rest uint64) string {
	var id [20]byte
	// 52 bits are ten characters and two bits; those two share a character with the lowest three of the milliseconds.
	for i := 19; i >= 10; i-- {
		id[i] = alphabet[rest&31]
		rest >>= 5
	}
	high := millis<<2 | rest
	for i := 9; i >= 0; i-- {
		id[i] = alphabet[high&31]
		high >>= 5
	}
	return string(id[:])
}

func cryptoRandom() uint64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails: https://pkg.go.dev/crypto/rand#Read
	return binary.NativeEndian.Uint64(b[:])
}
