package main

import (
	"context"
	"database/sql"
	"fmt"

	_ "github.com/mattn/go-sqlite3"
)

// As Lanyard opens its database: a decision is on disk when its transaction is.
const options = "?_journal_mode=WAL&_synchronous=FULL&_txlock=immediate&_busy_timeout=5000"

// As many pages as Lanyard's log holds before they are copied into the file.
const checkpoint = "pragma wal_autocheckpoint = 4000"

const table = `create table if not exists record (
	sequence integer primary key,
	id text not null unique,
	decided_at_ms integer not null,
	pod text not null,
	verb text not null,
	resource text not null,
	namespace text not null,
	name text not null,
	path text not null,
	effect text not null
) strict`

const insert = `insert into record
	(id, decided_at_ms, pod, verb, resource, namespace, name, path, effect)
	values (?, ?, ?, ?, ?, ?, ?, ?, ?)`

// More than this would let the first of a batch wait too long.
const batchMax = 512

type waiting struct {
	decision decision
	done     chan<- error
}

// recorder is a group commit: what arrives while one transaction is under way shares the next.
type recorder struct {
	queue chan waiting
}

func openRecorder(file string) (*recorder, error) {
	db, err := sql.Open("sqlite3", "file:"+file+options)
	if err != nil {
		return nil, err
	}
	// One connection for good: the statement is prepared once.
	connection, err := db.Conn(context.Background())
	if err != nil {
		return nil, err
	}
	for _, statement := range []string{checkpoint, table} {
		if _, err := connection.ExecContext(context.Background(), statement); err != nil {
			return nil, err
		}
	}
	statement, err := connection.PrepareContext(context.Background(), insert)
	if err != nil {
		return nil, err
	}
	made := &recorder{queue: make(chan waiting, batchMax)}
	go made.run(connection, statement)
	return made, nil
}

// record returns when the decision is on disk, or why it is not.
func (r *recorder) record(ctx context.Context, made decision) error {
	done := make(chan error, 1)
	select {
	case r.queue <- waiting{made, done}:
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (r *recorder) run(connection *sql.Conn, statement *sql.Stmt) {
	batch := make([]waiting, 0, batchMax)
	for first := range r.queue {
		batch = r.gather(append(batch[:0], first))
		err := commit(connection, statement, batch)
		for _, one := range batch {
			one.done <- err
		}
	}
}

// gather adds whatever waits already.
func (r *recorder) gather(batch []waiting) []waiting {
	for len(batch) < batchMax {
		select {
		case next := <-r.queue:
			batch = append(batch, next)
		default:
			return batch
		}
	}
	return batch
}

func commit(connection *sql.Conn, statement *sql.Stmt, batch []waiting) error {
	ctx := context.Background()
	transaction, err := connection.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	for _, one := range batch {
		row := one.decision
		_, err := statement.ExecContext(ctx, row.id, row.time.UnixMilli(), row.pod, row.verb,
			row.resource, row.namespace, row.name, row.path, row.effect)
		if err != nil {
			return fmt.Errorf("%w (rollback: %v)", err, transaction.Rollback())
		}
	}
	return transaction.Commit()
}
