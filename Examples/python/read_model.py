"""A read model of the feed: a table of machines in SQLite, with what became of each of them.

  python read_model.py --namespace orders --database orders.db

It begins with what List shows, and from then on follows the feed. How far it has come stands in
the same file as the table and is committed with it: each change counts once, whatever is killed.
Queries: see README.md.
"""

import argparse
import contextlib
import queue
import sqlite3
import sys
import threading
import time

import grpc
from progressor.v1 import automaton_pb2 as automaton
from progressor.v1 import automaton_pb2_grpc, event_sink_pb2_grpc, namespaces_pb2_grpc
from progressor.v1 import event_sink_pb2 as feed
from progressor.v1 import namespaces_pb2 as spaces

SCHEMA = """
pragma journal_mode = wal;
pragma synchronous = normal;  -- What a power cut takes from the file the feed tells again.
create table if not exists machines (
  namespace text, id text, status text not null, last_event_id integer not null,
  created_at text not null, removed_at text, primary key (namespace, id)) without rowid;
create table if not exists totals (  -- What was told since the model was built.
  namespace text, change text, count integer not null,
  primary key (namespace, change)) without rowid;
create table if not exists cursors (shard integer primary key, sequence integer not null);
create table if not exists followed (namespace text primary key);
"""

AT_ONCE = 1_000  # entries of one transaction, at most
SHORTEST_PAUSE, LONGEST_PAUSE = 0.1, 5.0
# Asking again would not help. Whatever else ends a stream passes: a server that is restarted, say.
HOPELESS = (grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.UNAUTHENTICATED,
            grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND,
            grpc.StatusCode.UNIMPLEMENTED)


class ReadModel:
    """The file. `cursors` say what is in it, and are empty when it has to be built (anew)."""

    def __init__(self, path, namespaces):
        self._file = sqlite3.connect(path, timeout=60)
        self._file.executescript(SCHEMA)
        self.namespaces = namespaces
        self.cursors = dict(self._file.execute("select shard, sequence from cursors"))
        followed = {name for name, in self._file.execute("select namespace from followed")}
        if followed and followed != set(namespaces):
            # The cursors have passed what the other namespaces told.
            sys.exit(f"{path} follows {', '.join(sorted(followed))}: take another file")

    def build(self, cursors, machines):
        """In one transaction: until it ends, whoever reads sees what was there before."""
        with self._file:
            for table in ("machines", "totals", "cursors", "followed"):
                self._file.execute(f"delete from {table}")
            self._file.executemany(
                "insert into machines values (?, ?, ?, ?, ?, null)",
                ((machine.namespace, machine.id, machine.status.WhichOneof("kind"),
                  machine.last_event_id, machine.created_at.ToJsonString())
                 for machine in machines))
            self._file.executemany(
                "insert into followed values (?)", ((name,) for name in self.namespaces))
            self._store(cursors)
        self.cursors = cursors

    def apply(self, batch):
        """What the entries change and how far they go is one transaction. What was committed
        already is passed over: after a restart it may come again."""
        cursors = dict(self.cursors)
        with self._file:
            for told in batch:
                if told.WhichOneof("change") == "progress":
                    cursors |= {c.shard: c.sequence for c in told.progress.cursors}
                elif told.sequence > cursors.get(told.shard, 0):
                    self._change(told)
                    cursors[told.shard] = told.sequence
            self._store(dict(cursors.items() - self.cursors.items()))
        self.cursors = cursors

    def _store(self, cursors):
        self._file.executemany("insert or replace into cursors values (?, ?)", cursors.items())

    def _change(self, told):
        """Each sets what is, so that it does no harm if List has shown it already."""
        change, machine = told.WhichOneof("change"), (told.namespace, told.machine_id)
        at = told.created_at.ToJsonString()
        if change == "created":
            # In the place of the one that was removed under this id, if there was one.
            self._file.execute(
                "insert or replace into machines values (?, ?, 'working', 0, ?, null)",
                (*machine, at))
        elif change == "event":
            self._update("last_event_id = ?", told.event.id, *machine)
        elif change == "status_changed":
            self._update("status = ?", told.status_changed.status.WhichOneof("kind"), *machine)
        elif change == "removed":
            self._update("status = 'removed', removed_at = ?", at, *machine)
        # Of a counter nobody can tell that it was increased twice: that the cursors are committed
        # with it makes it right.
        self._file.execute("insert into totals values (?, ?, 1) on conflict do update "
                           "set count = count + 1", (told.namespace, change))

    def _update(self, what, *values):
        self._file.execute(f"update machines set {what} where namespace = ? and id = ?", values)


class Server:
    """What is asked of Progressor."""

    def __init__(self, target, namespaces):
        # A connection whose other end is gone without a word is noticed.
        channel = grpc.insecure_channel(target, [
            ("grpc.max_receive_message_length", -1), ("grpc.keepalive_time_ms", 30_000),
            ("grpc.max_reconnect_backoff_ms", int(LONGEST_PAUSE * 1_000))])
        self._feed = event_sink_pb2_grpc.EventSinkStub(channel)
        self._machines = automaton_pb2_grpc.AutomatonStub(channel)
        self._spaces = namespaces_pb2_grpc.NamespacesStub(channel)
        self._namespaces = namespaces

    def follow(self, cursors):
        """Lists of what has come: all that is there, at least one."""
        stream = self._feed.Subscribe(feed.SubscribeRequest(
            namespaces=self._namespaces,
            cursors=[feed.Cursor(shard=s, sequence=n) for s, n in cursors.items()]))
        come = queue.Queue(AT_ONCE)

        def receive():
            with contextlib.suppress(grpc.RpcError):
                for told in stream:
                    come.put(told)
            come.put(None)

        threading.Thread(target=receive, daemon=True).start()
        is_over = False
        while not is_over:
            batch = [come.get()]
            while len(batch) < AT_ONCE and not come.empty():
                batch.append(come.get())
            if is_over := batch[-1] is None:
                batch.pop()
            if batch:
                yield batch
        # The error that it ended with, once more.
        yield from stream

    def newest(self):
        """The cursors behind everything that was committed up to now."""
        for name in self._namespaces:
            found = self._spaces.Get(spaces.GetNamespaceRequest(name=name), timeout=30).namespace
            if not found.feed.enabled:
                sys.exit(f"{name} has no feed: progressor namespace update {name} --feed on")
        stream = self._feed.Subscribe(feed.SubscribeRequest(
            namespaces=self._namespaces, start=feed.START_POSITION_NOW))
        cursors = {c.shard: c.sequence for c in next(stream).progress.cursors}
        stream.cancel()
        return cursors

    def machines(self):
        for name in self._namespaces:
            request, is_last = automaton.ListRequest(namespace=name, page_size=1_000), False
            while not is_last:
                page = self._machines.List(request, timeout=30)
                yield from page.machines
                request.page_token = page.next_page_token
                is_last = not page.next_page_token


def keep(model, server):
    """Until it is ended, or has no hope."""
    pause = SHORTEST_PAUSE
    while True:
        try:
            if not model.cursors:
                model.build(server.newest(), server.machines())
                print("built from what List shows", flush=True)
            is_behind = True
            for batch in server.follow(model.cursors):
                model.apply(batch)
                pause = SHORTEST_PAUSE
                if is_behind and any(told.HasField("progress") for told in batch):
                    is_behind = False
                    print("up to date", flush=True)
        except grpc.RpcError as error:
            print(f"{error.code().name}: {error.details()}", file=sys.stderr, flush=True)
            if error.code() in HOPELESS:
                sys.exit(1)
            if error.code() == grpc.StatusCode.OUT_OF_RANGE:
                # CURSOR_TOO_OLD, CURSOR_AHEAD: what was missed nobody can tell any more.
                model.cursors = {}
        time.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--target", default="127.0.0.1:7070", help="HOST:PORT of Progressor")
    parser.add_argument("--namespace", action="append", required=True, help="can be repeated")
    parser.add_argument("--database", default="machines.db", help="the file")
    options = parser.parse_args()
    with contextlib.suppress(KeyboardInterrupt):
        keep(ReadModel(options.database, options.namespace),
             Server(options.target, options.namespace))
