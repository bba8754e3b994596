"""What may go wrong while somebody follows the feed."""

import grpc
from support.client import duration, fails
from support.feed import ON, Subscriber
from support.stubs import event_sink_pb2, namespaces_pb2
from support.waiting import eventually


def test_nothing_is_left_out_when_a_server_is_killed(servers, spaces):
    server = servers().start()
    space = spaces(server.client, feed=ON)
    first = Subscriber(server.client, namespaces=[space.name])
    for number in range(30):
        space.start(f"m-{number}", b"init")
    eventually(lambda: len(first.entries) >= 20, "some is told")
    server.kill()
    eventually(lambda: first.error is not None, "the stream ends")
    assert first.error.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.INTERNAL)
    server.start()
    space = space.on(server.client)
    second = Subscriber(server.client, namespaces=[space.name], cursors=first.position())
    space.start("last", b"init")
    eventually(lambda: len(second.of("last")) == 2 and (
        len(first.entries) + len(second.entries) >= 62), "the feed goes on")
    told = {(e.shard, e.sequence) for e in first.entries} | {
        (e.shard, e.sequence) for e in second.entries}
    assert len(told) == len(first.entries) + len(second.entries) == 62


def test_a_database_that_goes_away_ends_no_stream(node, postgres, spaces):
    """Neither of who has its own cursors nor of who shares a consumer."""
    server = node().start()
    space = spaces(server.client, feed=ON)
    space.start("m", b"init")
    feeds = [Subscriber(server.client, namespaces=[space.name], consumer=name).caught_up()
             for name in ("", "shared")]
    with postgres.stopped():
        with fails("UNAVAILABLE", "STORAGE_UNAVAILABLE"):
            space.start("other", b"init")
    eventually(server.client.serving, "it serves again", timeout=60)
    space.call("m", b"more")
    for feed in feeds:
        eventually(lambda feed=feed: feed.of("m")[-1:] == ["2:more"], "it goes on", timeout=60)
        assert feed.error is None and feed.of("m").count("2:more") == 1


def test_what_is_not_kept_any_more_is_missed_with_an_error(servers, spaces):
    server = servers().start()
    short = namespaces_pb2.FeedOptions(enabled=True, retention=duration(0.001))
    space = spaces(server.client, feed=short)
    space.start("m", b"init")

    def too_old() -> bool:
        feed = Subscriber(server.client, namespaces=[space.name], cursors=[
            event_sink_pb2.Cursor(shard=shard) for shard in range(1024)])
        eventually(lambda: feed.error or feed.progresses, "it is answered")
        if feed.error is None:
            feed.leave()
            return False
        [seen] = feed.ends("OUT_OF_RANGE", "CURSOR_TOO_OLD")
        assert int(seen.info.metadata["oldest"]) == 2
        return True

    eventually(too_old, "the entries are gone", timeout=90)
    # Whoever begins at the oldest misses nothing that it knows of.
    fresh = Subscriber(server.client, namespaces=[space.name])
    space.call("m", b"a")
    eventually(lambda: fresh.of("m") == ["2:"] or fresh.error, "it is told what comes")
