// Connects with the clients of Go to DATABASE_URL and REDIS_URL, as far as they are set, and prints what became of each:
// `NAME: ok`, or why not.
package main

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"strings"

	"github.com/jackc/pgx/v5"
	_ "github.com/lib/pq"
	"github.com/redis/go-redis/v9"
)

const encrypted = "select ssl from pg_stat_ssl where pid = pg_backend_pid()"

func withPgx(url string) (good bool, err error) {
	connection, err := pgx.Connect(context.Background(), url)
	if err != nil {
		return false, err
	}
	defer connection.Close(context.Background())
	err = connection.QueryRow(context.Background(), encrypted).Scan(&good)
	return good, err
}

func withPq(url string) (good bool, err error) {
	database, err := sql.Open("postgres", url)
	if err != nil {
		return false, err
	}
	defer database.Close()
	err = database.QueryRow(encrypted).Scan(&good)
	return good, err
}

// As docs/reference/stack-yaml.md says: go-redis refuses parameters that it does not know.
func withRedis(url string) (bool, error) {
	address, _, _ := strings.Cut(url, "?")
	options, err := redis.ParseURL(address)
	if err != nil {
		return false, err
	}
	answer, err := redis.NewClient(options).Ping(context.Background()).Result()
	return answer == "PONG", err
}

func main() {
	for _, client := range []struct {
		name, variable string
		connect        func(string) (bool, error)
	}{
		{"pgx", "DATABASE_URL", withPgx},
		{"lib/pq", "DATABASE_URL", withPq},
		{"go-redis", "REDIS_URL", withRedis},
	} {
		url := os.Getenv(client.variable)
		if url == "" {
			continue
		}
		outcome := "ok"
		if good, err := client.connect(url); err != nil {
			outcome = strings.Join(strings.Fields(err.Error()), " ")
		} else if !good {
			outcome = "connected without encryption"
		}
		fmt.Printf("%s: %s\n", client.name, outcome)
	}
}
